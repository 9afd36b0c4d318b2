"""Sequence values to bin ids (section 4.1.1).

Letters: N rows, F sequence columns, T days, Q quantile edges of a column.

Bin ids of a column: 0 missing (NaN), 1 zero, 2 out of range (negative, or above the largest value seen in
training), 3.. the quantile bins of the positive values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MISSING, ZERO, OUT_OF_RANGE, FIRST_VALUE = 0, 1, 2, 3
# Quantiles of this many values are exact enough for bins, and fitting stays quick on any input.
_MAX_FIT_VALUES = 500_000


@dataclass(frozen=True)
class Discretiser:
    """Fitted edges. edges: per column float32 [Q], increasing inner edges; largest: per column, 0 if never
    positive."""

    edges: tuple[npt.NDArray[np.float32], ...]
    largest: tuple[float, ...]

    @classmethod
    def fit(cls, sequences: npt.NDArray[np.float32], value_bins: int) -> Discretiser:
        """Quantile edges of the positive values of each column of `sequences` [N, F, T] (training days
        only)."""
        return cls.from_sample(sequences, largest_values(sequences), value_bins)

    @classmethod
    def from_sample(
        cls, sample: npt.NDArray[np.float32], largest: npt.NDArray[np.float32], value_bins: int
    ) -> Discretiser:
        """Edges from a sample of the training rows [N, F, T]; `largest` [F] is exact, over all of them."""
        columns = [sample[:, column, :].ravel() for column in range(sample.shape[1])]
        edges = [
            _quantile_edges(values[np.isfinite(values) & (values > 0)], value_bins) for values in columns
        ]
        return cls(tuple(edges), tuple(float(value) for value in largest))

    @property
    def bins(self) -> tuple[int, ...]:
        """Number of bin ids of each column."""
        return tuple(FIRST_VALUE + len(edges) + 1 for edges in self.edges)

    def transform(self, sequences: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        """Bin ids uint8 [N, T, F] of `sequences` [N, F, T] (days before columns: a day's values lie
        together)."""
        rows, columns, days = sequences.shape
        ids = np.empty((rows, days, columns), dtype=np.uint8)
        for column in range(columns):
            ids[:, :, column] = self._column_ids(column, sequences[:, column, :])
        return ids

    def _column_ids(self, column: int, values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
        ids = np.full(values.shape, ZERO, dtype=np.uint8)
        # Most values are zero in practice, so only the rest is searched.
        other = np.nonzero(values != 0)
        found = values[other]
        bins = np.searchsorted(self.edges[column], found, side="left") + FIRST_VALUE
        bins[(found < 0) | (found > self.largest[column])] = OUT_OF_RANGE
        bins[np.isnan(found)] = MISSING
        ids[other] = bins
        return ids

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {"edges": [edges.tolist() for edges in self.edges], "largest": list(self.largest)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Sequence[Any]]) -> Discretiser:
        """The inverse of `to_dict`."""
        edges = tuple(np.asarray(column, dtype=np.float32) for column in plain["edges"])
        return cls(edges, tuple(float(value) for value in plain["largest"]))


def largest_values(sequences: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The largest finite value of each column of `sequences` [N, F, T], 0 where none is positive. Returns [F]."""
    finite = np.where(np.isfinite(sequences), sequences, 0.0)
    return np.asarray(finite.max(axis=(0, 2), initial=0.0), dtype=np.float32)


def _quantile_edges(positive: npt.NDArray[np.float32], value_bins: int) -> npt.NDArray[np.float32]:
    if not len(positive):
        return np.empty(0, dtype=np.float32)
    step = -(-len(positive) // _MAX_FIT_VALUES)
    shares = np.arange(1, value_bins) / value_bins
    # "lower" takes values that occur, so equal values never fall on both sides of an edge.
    edges = np.unique(np.quantile(positive[::step], shares, method="lower")).astype(np.float32)
    return np.asarray(edges[edges < positive.max()], dtype=np.float32)
