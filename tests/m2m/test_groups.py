from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2m.groups import Groups, split_by_size


def rows_in_block_order(groups: Groups) -> torch.Tensor:
    parts = []
    for block in groups.blocks:
        flat = block.rows.flatten()
        parts.append(flat if block.filled is None else flat[block.filled])
    return torch.cat(parts)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_every_row_once_in_the_line_of_its_group(codes: list[int]) -> None:
    code = np.array(codes)
    groups = Groups.build(code, code[:, None])
    placed = rows_in_block_order(groups)
    assert sorted(placed.tolist()) == list(range(len(code)))
    assert placed[groups.restore].tolist() == list(range(len(code)))
    np.testing.assert_array_equal(groups.knowledge[groups.row_group].numpy()[:, 0], code)
    for block in groups.blocks:
        of_rows = groups.row_group[block.rows]
        assert bool((of_rows == block.groups[:, None]).all())


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40))
def test_blocks_hold_little_padding(sizes: list[int]) -> None:
    parts = split_by_size(np.array(sizes))
    assert sorted(line for part in parts for line in part.tolist()) == list(range(len(sizes)))
    padded = sum(len(part) * max(sizes[line] for line in part) for part in parts)
    assert padded <= 2 * sum(sizes) + len(parts) * 0.25 * sum(sizes)


def test_chunks_stay_apart_and_share_their_knowledge_row() -> None:
    code = np.array([5, 5, 5, 5, 9, 9])
    groups = Groups.build(code, code[:, None], pieces=np.array([0, 0, 2, 2, 1, 1]))
    assert len(groups.knowledge) == 2
    assert [tuple(block.rows.shape) for block in groups.blocks] == [(3, 2)]
    assert groups.blocks[0].filled is None
    assert groups.blocks[0].groups.tolist() == [0, 1, 0]


def test_renumber_moves_groups_and_rows_alike() -> None:
    code = np.array([3, 1, 3])
    groups = Groups.build(code, code[:, None]).renumber(torch.tensor([7, 4]))
    assert groups.row_group.tolist() == [4, 7, 4]
    assert sorted(group for block in groups.blocks for group in block.groups.tolist()) == [4, 7]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.booleans())
def test_segments_hold_every_row_once_and_every_group_in_one_piece(codes: list[int], chunks: bool) -> None:
    code = np.array(codes)
    pieces = code * 3 + np.arange(len(code)) % 3 if chunks else None
    segments = Groups.build(code, code[:, None], pieces).segments
    assert segments.groups == list(range(len(np.unique(code))))
    assert segments.sizes == np.unique(code, return_counts=True)[1].tolist()
    np.testing.assert_array_equal(code[segments.order.numpy()], np.sort(code))
    assert segments.order[segments.restore].tolist() == list(range(len(code)))


def test_to_a_device_moves_every_part() -> None:
    code = np.array([3, 1, 3])
    moved = Groups.build(code, code[:, None]).to("meta")
    parts = [moved.knowledge, moved.row_group, moved.restore]
    parts += [part for block in moved.blocks for part in (block.groups, block.rows, block.filled)]
    assert {part.device.type for part in parts if part is not None} == {"meta"}


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        Groups.build(np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.int64))


def test_padding_by_hand() -> None:
    # Sizes 8 and 5 lie together; 1 beside 8 would be padding of 7, more than a quarter of all 14 rows.
    assert [part.tolist() for part in split_by_size(np.array([1, 8, 5]))] == [[1, 2], [0]]
    code = np.array([4, 2, 4, 4])
    groups = Groups.build(code, code[:, None])
    assert groups.knowledge.tolist() == [[2], [4]]
    assert groups.row_group.tolist() == [1, 0, 1, 1]
