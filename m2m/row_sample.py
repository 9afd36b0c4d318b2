"""A uniform sample of rows from a stream of any length and order.

Letters: N rows, F sequence columns, T days.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_SAMPLE = 3  # tells this random stream from those of m2m.training.windows


class RowSample:
    """The rows with the `limit` smallest random numbers, where a row's number follows from its piece and place.

    So the sample depends neither on the order of the pieces nor on how processes share them.
    """

    def __init__(self, limit: int, seed: int) -> None:
        self.limit, self.seed = limit, seed
        self._numbers: list[npt.NDArray[np.float64]] = []
        self._rows: list[npt.NDArray[np.float32]] = []

    def add(self, rows: npt.NDArray[np.float32], piece: int) -> None:
        """Take in the rows [N, F, T] of one piece."""
        numbers = np.random.default_rng([_SAMPLE, self.seed, piece]).random(len(rows))
        smallest = _smallest(numbers, self.limit)
        self._numbers.append(numbers[smallest])
        self._rows.append(rows[smallest])
        # Shrinking costs a copy, so it waits until there is twice as much as is kept.
        if sum(map(len, self._numbers)) > 2 * self.limit:
            self._shrink()

    def merge(self, other: RowSample) -> None:
        """Take in another sample of other pieces."""
        self._numbers += other._numbers
        self._rows += other._rows

    def rows(self) -> npt.NDArray[np.float32]:
        """The sampled rows [at most limit, F, T], ordered by their random numbers. Raises ValueError when there
        is none."""
        if not self._rows:
            raise ValueError("no rows to sample from, expected at least one piece")
        self._shrink()
        return self._rows[0]

    def _shrink(self) -> None:
        numbers, rows = np.concatenate(self._numbers), np.concatenate(self._rows)
        kept = _smallest(numbers, self.limit)
        self._numbers, self._rows = [numbers[kept]], [rows[kept]]


def _smallest(numbers: npt.NDArray[np.float64], limit: int) -> npt.NDArray[np.int64]:
    return np.argsort(numbers, kind="stable")[:limit]
