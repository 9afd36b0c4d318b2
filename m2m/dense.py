"""Dense features that are concatenated to F (section 4.1.3).

Letters: N rows, F sequence columns, T days, W window lengths, P performance columns, D dense features.

D = log window sums of the pair [W * F], of the advertiser over all scenarios [W * F], days since the pair was
last active [1], weekday one-hot [7]; all standardised with the training rows' mean and deviation.
Ratio columns are summed over the window like any other (the sum of the daily ratios, not the ratio of sums):
it tells on how many days and how strongly there was a return, and the advertiser's sums carry the ratio of
sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from m2m.samples import Samples
from m2m.spec import FeatureSpec

Floats = npt.NDArray[np.float32]
# A standardised value beyond this says "very large" and nothing more; it must not throw the net far off.
_LIMIT = 8.0


class Moments:
    """Count, mean and deviation of columns, gathered batch by batch (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.rows = 0
        self.mean: npt.NDArray[np.float64] = np.zeros(0)
        self._squares: npt.NDArray[np.float64] = np.zeros(0)

    @property
    def deviation(self) -> npt.NDArray[np.float64]:
        """Standard deviation of each column over all rows."""
        return np.sqrt(self._squares / max(1, self.rows))

    def add(self, values: npt.NDArray[Any]) -> None:
        """Take in rows [N, D]."""
        if not len(values):
            return
        mean = values.mean(axis=0, dtype=np.float64)
        squares = values.var(axis=0, dtype=np.float64) * len(values)
        self._join(len(values), mean, squares)

    def merge(self, other: Moments) -> None:
        """Take in what another process gathered."""
        if other.rows:
            self._join(other.rows, other.mean, other._squares)

    def _join(self, rows: int, mean: npt.NDArray[np.float64], squares: npt.NDArray[np.float64]) -> None:
        if not self.rows:
            self.rows, self.mean, self._squares = rows, mean, squares
            return
        total, apart = self.rows + rows, mean - self.mean
        self._squares = self._squares + squares + apart**2 * (self.rows * rows / total)
        self.mean = self.mean + apart * (rows / total)
        self.rows = total


@dataclass(frozen=True)
class DenseFeatures:
    """Fitted standardisation. mean, scale: float32 [D]."""

    mean: Floats
    scale: Floats

    @classmethod
    def fit(cls, samples: Samples, spec: FeatureSpec) -> DenseFeatures:
        """Mean and standard deviation of every raw feature over the training rows; a constant gets scale
        1."""
        moments = Moments()
        moments.add(raw_dense(samples, spec))
        return cls.from_moments(moments)

    @classmethod
    def from_moments(cls, moments: Moments) -> DenseFeatures:
        """From the moments of all training rows."""
        deviation = moments.deviation
        scale = np.where(deviation > 1e-6, deviation, 1.0)
        return cls(moments.mean.astype(np.float32), scale.astype(np.float32))

    def transform(self, samples: Samples, spec: FeatureSpec) -> Floats:
        """Standardised features float32 [N, D]."""
        raw = raw_dense(samples, spec)
        raw -= self.mean
        raw /= self.scale
        return np.clip(raw, -_LIMIT, _LIMIT, out=raw)

    def to_dict(self) -> dict[str, list[float]]:
        """A plain dictionary for JSON."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Sequence[float]]) -> DenseFeatures:
        """The inverse of `to_dict`."""
        return cls(np.asarray(plain["mean"], dtype=np.float32), np.asarray(plain["scale"], dtype=np.float32))


def raw_dense(samples: Samples, spec: FeatureSpec) -> Floats:
    """Dense features float32 [N, D] before standardisation."""
    pair = window_sums(samples.sequences, spec.windows_days)
    since = days_since_active(samples.sequences[:, len(spec.behaviours) :, :])
    weekday = np.eye(7, dtype=np.float32)[samples.weekday]
    recency = np.log1p(since.astype(np.float32))[:, None]
    return np.hstack([_log(pair), _log(samples.advertiser_window_sums), recency, weekday])


def window_sums(sequences: Floats, windows_days: Sequence[int]) -> Floats:
    """Sums over the last w days, float32 [N, W * F], window-major; NaN counts as 0, w > T as T."""
    rows, columns, days = sequences.shape
    sums = np.empty((rows, len(windows_days), columns), dtype=np.float32)
    clean = np.nan_to_num(sequences, nan=0.0, posinf=0.0, neginf=0.0)
    total, done = np.zeros((rows, columns), dtype=np.float32), 0
    for index, window in enumerate(windows_days):
        reach = min(window, days)
        total = total + clean[:, :, days - reach : days - done].sum(axis=2)
        sums[:, index, :], done = total, reach
    return sums.reshape(rows, len(windows_days) * columns)


def days_since_active(performance: Floats) -> npt.NDArray[np.int64]:
    """Days [N] from the last day with any positive value of `performance` [N, P, T] to the as-of day; T if
    none."""
    active: npt.NDArray[np.bool_] = np.any(performance > 0, axis=1)[:, ::-1]
    since = np.where(np.any(active, axis=1), np.argmax(active, axis=1), performance.shape[2])
    return np.asarray(since, dtype=np.int64)


def _log(values: Floats) -> Floats:
    clean = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return np.log1p(np.maximum(clean, 0.0))
