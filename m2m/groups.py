"""Rows ordered by knowledge row, so that generated weights are applied by one matrix product per group.

Letters: B rows, U distinct knowledge rows, C knowledge columns, u groups of a block, g rows of a padded
group.

Two ways to lay rows out, one for narrow and one for wide layers (see `m2m.meta_unit`). Blocks: groups of similar
size are padded to a common size and form a block [u, g]; a block is one batched product. Sizes differ by at most a
factor of two inside a block, so little of the work is padding even when groups are skewed. Segments: all rows one
after the other in the order of their groups, nothing padded; a segment is one product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Ints = npt.NDArray[np.int64]
# One more block costs a fixed number of small operations; it pays when it saves this share of rows of
# padding.
_PADDING_WORTH_A_BLOCK = 0.25


@dataclass(frozen=True)
class Block:
    """groups [u]: which knowledge row; rows [u, g]: which rows (a short group repeats its first row as
    padding);
    filled: places in u * g that hold a real row, None when all do."""

    groups: Tensor
    rows: Tensor
    filled: Tensor | None

    def to(self, device: torch.device | str) -> Block:
        """The same block on `device`."""
        filled = None if self.filled is None else self.filled.to(device)
        return Block(self.groups.to(device), self.rows.to(device), filled)


@dataclass(frozen=True)
class Segments:
    """order [B]: rows, sorted by group; restore [B]: back again; groups [u], sizes [u]: whose rows, how many."""

    order: Tensor
    restore: Tensor
    groups: list[int]
    sizes: list[int]

    def cut(self, max_rows: int | None) -> Iterator[tuple[list[int], list[int]]]:
        """(groups, sizes) of consecutive rows, at most `max_rows` in each part (all rows in one when it is None). Only
        a group that is larger than that is cut itself."""
        groups: list[int] = []
        sizes: list[int] = []
        for group, size in self._pieces(max_rows):
            if max_rows is not None and sizes and sum(sizes) + size > max_rows:
                yield groups, sizes
                groups, sizes = [], []
            groups.append(group)
            sizes.append(size)
        yield groups, sizes

    def _pieces(self, max_rows: int | None) -> Iterator[tuple[int, int]]:
        for group, size in zip(self.groups, self.sizes, strict=True):
            step = size if max_rows is None else max_rows
            for start in range(0, size, step):
                yield group, min(step, size - start)


@dataclass(frozen=True)
class Groups:
    """knowledge [U, C] ids of the distinct rows; row_group [B]; blocks; restore [B]: block order -> row
    order."""

    knowledge: Tensor
    row_group: Tensor
    blocks: tuple[Block, ...]
    restore: Tensor

    @classmethod
    def build(cls, code: Ints, knowledge: Ints, pieces: Ints | None = None) -> Groups:
        """Group rows by `code` [B]; `knowledge` [B, C] holds the ids behind each code.

        With `pieces` [B], rows of one group but different pieces stay in different lines of a block: training
        gives its chunks here, all of one size, and gets one block without padding.
        Raises ValueError when there is no row.
        """
        if not len(code):
            raise ValueError("no rows to group, expected at least one")
        _, first, row_group = np.unique(code, return_index=True, return_inverse=True)
        lines = row_group if pieces is None else np.unique(pieces, return_inverse=True)[1]
        order = np.argsort(lines, kind="stable")
        sizes = np.bincount(lines)
        starts = np.cumsum(sizes) - sizes
        parts = [_block(order, starts[part], sizes[part], row_group) for part in split_by_size(sizes)]
        placed = np.concatenate([rows for _, rows in parts])
        return cls(
            torch.from_numpy(knowledge[first]),
            torch.from_numpy(row_group),
            tuple(block for block, _ in parts),
            torch.from_numpy(np.argsort(placed)),
        )

    def renumber(self, places: Tensor) -> Groups:
        """The same groups with knowledge row i known as `places[i]` (for weights kept in another order)."""
        blocks = [Block(places[block.groups], block.rows, block.filled) for block in self.blocks]
        return Groups(self.knowledge, places[self.row_group], tuple(blocks), self.restore)

    def to(self, device: torch.device | str) -> Groups:
        """The same groups on `device`."""
        blocks = tuple(block.to(device) for block in self.blocks)
        return Groups(self.knowledge.to(device), self.row_group.to(device), blocks, self.restore.to(device))

    @cached_property
    def segments(self) -> Segments:
        """The rows sorted by group; `pieces` play no part."""
        # Kept for later, so also for a later pass with gradients, which takes no inference tensors.
        with torch.inference_mode(False):
            order = torch.argsort(self.row_group, stable=True)
            groups, sizes = torch.unique_consecutive(self.row_group[order], return_counts=True)
            return Segments(order, torch.argsort(order), groups.tolist(), sizes.tolist())


def split_by_size(sizes: Ints) -> list[Ints]:
    """Lines of `sizes`, parted into lists of similar size (within a factor of two unless the padding is
    small)."""
    order = np.argsort(-sizes, kind="stable")
    limit = _PADDING_WORTH_A_BLOCK * sizes.sum()
    parts: list[list[int]] = []
    largest, padding = 0, 0
    for line in order:
        size = int(sizes[line])
        padding += largest - size
        if not parts or (2 * size <= largest and padding > limit):
            parts.append([])
            largest, padding = size, 0
        parts[-1].append(int(line))
    return [np.asarray(part, dtype=np.int64) for part in parts]


def _block(order: Ints, starts: Ints, sizes: Ints, row_group: Ints) -> tuple[Block, Ints]:
    width = np.arange(sizes.max())
    filled = width[None, :] < sizes[:, None]
    rows = order[np.where(filled, starts[:, None] + width[None, :], starts[:, None])]
    full = bool(filled.all())
    places = None if full else torch.from_numpy(np.flatnonzero(filled))
    block = Block(torch.from_numpy(row_group[rows[:, 0]]), torch.from_numpy(rows), places)
    return block, rows[filled]
