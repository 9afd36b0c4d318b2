"""Whether forecast probabilities and intervals come true.

Letters: N rows, m tasks, L levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
RELIABILITY_BINS = 15


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose probability lies in [low, high): their mean probability, and the share where it happened."""

    low: float
    high: float
    rows: int
    probability: float
    share: float


def coverage(actual: Values, low: Values, high: Values) -> float:
    """Share of all entries of `actual` in the closed interval [low, high]; NaN when there is none.

    Of labels with many equal values, such as 0, closed intervals of true quantiles hold more than their
    nominal share; `randomised_pit` tells the two apart.
    """
    _same_shape(actual, low, high)
    return float(np.mean((low <= actual) & (actual <= high))) if np.size(actual) else float("nan")


class Reliability:
    """What was said and what happened, gathered batch by batch in equal bins over [0, 1], the last with 1."""

    def __init__(self, bins: int = RELIABILITY_BINS) -> None:
        self.bins = bins
        self._rows = np.zeros(bins, dtype=np.int64)
        self._sums: Values = np.zeros((2, bins))

    def add(self, probability: Values, happened: npt.NDArray[np.bool_]) -> None:
        """Take in rows [N]. Raises ValueError when a probability is not in [0, 1]."""
        _same_shape(probability, happened)
        if not np.all((probability >= 0) & (probability <= 1)):
            raise ValueError(
                f"probabilities run from {np.min(probability)} to {np.max(probability)}, expected 0 to 1"
            )
        place = np.minimum((probability * self.bins).astype(np.int64), self.bins - 1)
        self._rows += np.bincount(place, minlength=self.bins)
        self._sums += [np.bincount(place, values, self.bins) for values in (probability, happened)]

    def table(self) -> list[ReliabilityBin]:
        """The bins that hold rows."""
        means = self._sums / np.maximum(self._rows, 1)
        return [
            ReliabilityBin(
                k / self.bins, (k + 1) / self.bins, int(self._rows[k]), float(means[0][k]), float(means[1][k])
            )
            for k in np.flatnonzero(self._rows)
        ]

    def error(self) -> float:
        """Expected calibration error: mean of |mean probability - share| over the bins, weighted by rows; NaN without
        rows. Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning" (2015)."""
        table = self.table()
        total = sum(each.rows for each in table)
        gaps = [each.rows * abs(each.probability - each.share) for each in table]
        return float(sum(gaps) / total) if total else float("nan")


def reliability(
    probability: Values, happened: npt.NDArray[np.bool_], bins: int = RELIABILITY_BINS
) -> list[ReliabilityBin]:
    """The reliability table of [N] rows. Raises ValueError when a probability is not in [0, 1]."""
    gathered = Reliability(bins)
    gathered.add(probability, happened)
    return gathered.table()


def expected_calibration_error(
    probability: Values, happened: npt.NDArray[np.bool_], bins: int = RELIABILITY_BINS
) -> float:
    """`Reliability.error` of [N] rows."""
    gathered = Reliability(bins)
    gathered.add(probability, happened)
    return gathered.error()


def randomised_pit(
    actual: Values, levels: Sequence[float], quantiles: Values, zero: Values, generator: np.random.Generator
) -> Values:
    """F(y-) + V (F(y) - F(y-)) with V uniform: uniform on [0, 1] for a right forecast, of discrete labels as well.

    actual: [N], from 0 on. quantiles: [N, L] at the rising `levels`; zero: P(y = 0) [N]. Between two
    quantiles the label may stand anywhere, so V is drawn between their levels: the histogram is exact for bins that
    end at levels. Czado, Gneiting and Held, "Predictive Model Assessment for Count Data" (2009).
    """
    if quantiles.shape != (len(actual), len(levels)) or list(levels) != sorted(set(levels)):
        raise ValueError(
            f"quantiles are {quantiles.shape} at levels {list(levels)}, expected [rows, rising levels]"
        )
    _same_shape(actual, zero)
    ends = np.array([0.0, *levels, 1.0])
    low = ends[(quantiles < actual[:, None]).sum(axis=1)]
    high = ends[(quantiles <= actual[:, None]).sum(axis=1) + 1]
    low, high = np.where(actual > 0, np.maximum(low, zero), 0.0), np.where(actual > 0, high, zero)
    # A label above 0 whose quantiles say otherwise: nothing is left to draw from.
    high = np.maximum(low, high)
    drawn: Values = low + generator.random(len(actual)) * (high - low)
    return drawn


def pit_shares(pit: Values, levels: Sequence[float]) -> Values:
    """The histogram: share of rows between neighbouring `levels`, 0 and 1 added [L + 1]; expected: their steps."""
    counts, _ = np.histogram(pit, bins=np.array([0.0, *levels, 1.0]))
    shares: Values = counts / max(1, len(pit))
    return shares


def _same_shape(*arrays: npt.NDArray[np.generic]) -> None:
    shapes = [np.shape(array) for array in arrays]
    if len(set(shapes)) != 1:
        raise ValueError(f"arrays have shapes {shapes}, expected one and the same")
