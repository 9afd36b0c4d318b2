"""One number for a total whose distribution is known, or only its median: small in absolute and in relative error.

Letters: N rows, m tasks, y label, p estimate, a = ABSOLUTE_WEIGHT.

NMAE asks for the median, SMAPE for exact zeros wherever zero is likely. Both are sums over rows, so one estimate can
serve both: the one with the least a |p - y| / training mean + |p - y| / ((p + y) / 2). A head with a distribution
expects that cost (`m2m.heads`); an estimate without one is set to zero below a threshold that makes it least on the
validation rows. Either is scaled before by one number for all tasks, since an estimate that is too low on the days
after training is too low everywhere; the number is halved towards 1, since those days are few (decision 14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from m2m.metrics import cell_metrics, overall, symmetric_errors

Values = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]
ABSOLUTE_WEIGHT = 4.0
"""a. On the validation days of decision 14, 2 lowers SMAPE by .002 and raises NMAE by as much; 16 the reverse."""
_SCALES = np.exp(np.linspace(-0.2, 0.2, 21))
_BELIEVED = 0.5
# Thresholds that are tried, in units of the task's mean.
_SNAPS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3)


@dataclass(frozen=True)
class PointRule:
    """p -> scale * p, rounded where whole, zero below snaps.

    scale: one number for all tasks. snaps: [m], in the tasks' own units. whole: [m], tasks that count whole things.
    """

    scale: float
    snaps: tuple[float, ...]
    whole: tuple[bool, ...]

    @classmethod
    def fit(cls, point: Values, labels: Values, scenario: Names, whole: Sequence[bool]) -> PointRule:
        """Fit on validation rows. point, labels: [N, m]; scenario: [N]; whole: [m]. Without rows: nothing is changed.

        Raises ValueError when the shapes do not fit.
        """
        _check(point, labels, scenario, whole)
        scale = fitted_scale(point, labels, scenario, whole)
        scaled, means = rounded(scale * point, whole), labels.mean(axis=0) if len(labels) else labels.sum(0)
        snaps = tuple(
            _best_snap(scaled[:, task], labels[:, task], scenario, float(means[task]))
            for task in range(len(whole))
        )
        return cls(scale, snaps, tuple(whole))

    def apply(self, point: Values) -> Values:
        """The estimate [N, m] of unrounded estimates [N, m]."""
        scaled = rounded(self.scale * point, self.whole)
        return np.where(scaled < np.asarray(self.snaps), 0.0, scaled)


def fitted_scale(point: Values, labels: Values, scenario: Names, whole: Sequence[bool]) -> float:
    """Half the way (in logarithms) from 1 to the factor with the least overall NMAE of `point` [N, m] on these rows."""
    if not labels.sum() > 0:
        return 1.0
    names = [str(task) for task in range(labels.shape[1])]
    tried = sorted(_SCALES.tolist(), key=lambda scale: abs(np.log(scale)))
    errors = [
        overall(cell_metrics(labels, rounded(scale * point, whole), scenario, names))["nmae"]
        for scale in tried
    ]
    return float(tried[int(np.argmin(errors))] ** _BELIEVED)


def rounded(values: Values, whole: Sequence[bool]) -> Values:
    """Values [N, m], whole numbers in the tasks that count whole things [m]."""
    return np.where(np.asarray(whole, dtype=bool), np.rint(values), values)


def _best_snap(point: Values, labels: Values, scenario: Names, mean: float) -> float:
    """The threshold with the least cost, the mean over scenarios, of one task [N]; of several the smallest."""
    if not mean > 0:
        return 0.0
    costs = [
        np.mean([_cost(np.where(point < snap * mean, 0.0, point), labels, mean, scenario == name)
                 for name in np.unique(scenario)])
        for snap in _SNAPS
    ]  # fmt: skip
    return _SNAPS[int(np.argmin(costs))] * mean


def _cost(point: Values, labels: Values, mean: float, rows: npt.NDArray[np.bool_]) -> float:
    point, labels = point[rows], labels[rows]
    absolute = ABSOLUTE_WEIGHT * np.abs(point - labels) / mean
    return float(np.mean(absolute + symmetric_errors(labels, point)))


def _check(point: Values, labels: Values, scenario: Names, whole: Sequence[bool]) -> None:
    found = point.shape, labels.shape, len(scenario), len(whole)
    if point.shape != labels.shape or point.shape != (len(scenario), len(whole)):
        raise ValueError(f"estimates, labels, scenarios, tasks are {found}, expected the same rows and tasks")
