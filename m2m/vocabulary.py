"""Categorical knowledge values to ids.

Letters: N rows, C knowledge columns. Id 0 of each column is "unknown": a value not seen in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UNKNOWN = 0


@dataclass(frozen=True)
class Vocabulary:
    """Known values of each knowledge column, sorted. An empty text (missing) is a value like any other."""

    values: dict[str, npt.NDArray[np.str_]]

    def __post_init__(self) -> None:
        rows = 1
        for size in self.sizes:
            rows *= size
        if rows >= 2**62:
            raise ValueError(f"knowledge columns have sizes {self.sizes}, expected a product below 2**62")

    @classmethod
    def fit(
        cls, knowledge: Mapping[str, npt.NDArray[np.str_]], columns: Sequence[str], min_rows: int = 1
    ) -> Vocabulary:
        """The values of each of `columns` found in at least `min_rows` rows."""
        return cls.from_counts({name: count_values(knowledge[name]) for name in columns}, min_rows)

    @classmethod
    def from_counts(cls, counts: Mapping[str, Mapping[str, int]], min_rows: int = 1) -> Vocabulary:
        """The same from the number of rows of each value."""
        kept = {
            name: sorted(v for v, rows in found.items() if rows >= min_rows) for name, found in counts.items()
        }
        return cls({name: np.asarray(values, dtype=np.str_) for name, values in kept.items()})

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of ids of each column, "unknown" included."""
        return tuple(len(values) + 1 for values in self.values.values())

    def transform(self, knowledge: Mapping[str, npt.NDArray[np.str_]]) -> npt.NDArray[np.int64]:
        """Ids int64 [N, C]."""
        return np.column_stack([_ids(values, knowledge[name]) for name, values in self.values.items()])

    def code(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """One number [N] per knowledge row of `ids` [N, C]: equal numbers, equal rows."""
        code = np.zeros(len(ids), dtype=np.int64)
        for column, size in enumerate(self.sizes):
            code = code * size + ids[:, column]
        return code

    def to_dict(self) -> dict[str, list[str]]:
        """A plain dictionary for JSON."""
        return {name: values.tolist() for name, values in self.values.items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Sequence[str]]) -> Vocabulary:
        """The inverse of `to_dict`."""
        return cls({name: np.asarray(values, dtype=np.str_) for name, values in plain.items()})


def count_values(found: npt.NDArray[np.str_]) -> Counter[str]:
    """How many rows hold each value of `found` [N]."""
    values, rows = np.unique(found, return_counts=True)
    return Counter(dict(zip(values.tolist(), rows.tolist(), strict=True)))


def _ids(values: npt.NDArray[np.str_], found: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    if not len(values):
        return np.full(len(found), UNKNOWN, dtype=np.int64)
    place = np.minimum(np.searchsorted(values, found), len(values) - 1)
    return np.where(values[place] == found, place + 1, UNKNOWN).astype(np.int64)
