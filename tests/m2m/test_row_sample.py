from __future__ import annotations

import numpy as np
import pytest

from m2m.row_sample import RowSample


def pieces(count: int, rows: int) -> list[np.ndarray]:
    return [np.arange(rows, dtype=np.float32)[:, None, None] + rows * piece for piece in range(count)]


def sample(order: list[int], limit: int) -> np.ndarray:
    found = RowSample(limit, seed=1)
    for piece in order:
        found.add(pieces(6, 50)[piece], piece)
    return found.rows()[:, 0, 0]


def test_all_rows_while_they_fit() -> None:
    assert sorted(sample([0, 1], 200).tolist()) == list(range(100))


def test_neither_order_nor_parting_changes_the_sample() -> None:
    expected = sample([0, 1, 2, 3, 4, 5], 40)
    assert len(set(expected.tolist())) == 40
    np.testing.assert_array_equal(sample([5, 3, 1, 0, 2, 4], 40), expected)
    one, other = RowSample(40, seed=1), RowSample(40, seed=1)
    for piece, rows in enumerate(pieces(6, 50)):
        (one if piece % 2 else other).add(rows, piece)
    one.merge(other)
    np.testing.assert_array_equal(one.rows()[:, 0, 0], expected)


def test_every_part_of_the_stream_is_as_likely() -> None:
    found = RowSample(2000, seed=3)
    for piece in range(20):
        found.add(np.full((1000, 1, 1), piece, dtype=np.float32), piece)
    counts = np.bincount(found.rows()[:, 0, 0].astype(int), minlength=20)
    assert counts.sum() == 2000 and 65 < counts.min() <= counts.max() < 140


def test_nothing_to_sample_from() -> None:
    with pytest.raises(ValueError, match="no rows"):
        RowSample(5, seed=0).rows()
