"""NMAE and SMAPE (section 5.1.4, equations 21 and 22), per cell and overall.

Letters: N rows, m tasks, y label, p prediction (the paper's y with a hat). A cell is one task in one scenario.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """Metrics of one task in one scenario; nmae is NaN when the labels sum to 0."""

    task: str
    scenario: str
    rows: int
    label_sum: float
    nmae: float
    smape: float


def nmae(actual: Values, predicted: Values) -> float:
    """sum |p - y| / sum y over [N] (equation 22); NaN when the labels sum to 0. Lower is better."""
    _check(actual, predicted)
    total = float(np.sum(actual))
    return float(np.abs(predicted - actual).sum() / total) if total > 0 else math.nan


def smape(actual: Values, predicted: Values) -> float:
    """Mean of |p - y| / ((p + y) / 2) over [N] (equation 21), where 0 / 0 counts 0; from 0 to 2."""
    _check(actual, predicted)
    parts = symmetric_errors(actual, predicted)
    return float(parts.mean()) if len(parts) else math.nan


def cell_metrics(
    actual: Values, predicted: Values, scenario: npt.NDArray[np.str_], tasks: Sequence[str]
) -> list[Cell]:
    """One cell per task and scenario. actual, predicted: [N, m]; scenario: text [N]."""
    if actual.shape != predicted.shape or actual.shape != (len(scenario), len(tasks)):
        found = f"labels {actual.shape}, predictions {predicted.shape}, scenarios {len(scenario)}"
        raise ValueError(f"{found}: expected the same rows and {len(tasks)} columns")
    totals = CellTotals(tasks)
    totals.add(actual, predicted, scenario)
    return totals.cells()


class CellTotals:
    """Sums behind the metrics of every cell, gathered batch by batch."""

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = tuple(tasks)
        # scenario -> [4, m]: rows, labels, absolute errors, symmetric percentage errors
        self._sums: dict[str, Values] = {}

    def add(self, actual: Values, predicted: Values, scenario: npt.NDArray[np.str_]) -> None:
        """Take in rows. actual, predicted: [N, m]; scenario: text [N]."""
        for name in np.unique(scenario):
            rows = scenario == name
            self._add(str(name), _sums(actual[rows], predicted[rows]))

    def merge(self, other: CellTotals) -> None:
        """Take in what another process gathered."""
        for name, sums in other._sums.items():
            self._add(name, sums)

    def cells(self) -> list[Cell]:
        """One cell per task and scenario, tasks in order, scenarios sorted."""
        return [
            _cell(task, name, self._sums[name][:, column])
            for column, task in enumerate(self.tasks)
            for name in sorted(self._sums)
        ]

    def _add(self, name: str, sums: Values) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + sums


def overall(cells: Sequence[Cell]) -> dict[str, float]:
    """{"nmae", "smape"}: unweighted means over the cells whose labels sum to more than 0; NaN when there is
    none."""
    used = [cell for cell in cells if cell.label_sum > 0]
    if not used:
        return {"nmae": math.nan, "smape": math.nan}
    return {
        "nmae": float(np.mean([cell.nmae for cell in used])),
        "smape": float(np.mean([cell.smape for cell in used])),
    }


def cell_weights(actual: Values, scenario: npt.NDArray[np.str_]) -> Values:
    """Weights [N, m] with which sums of |p - y| over rows are each task's NMAE, mean over the scenarios whose labels
    sum to more than 0; rows of other scenarios weigh 0. actual: [N, m]; scenario: text [N]."""
    names, place = np.unique(scenario, return_inverse=True)
    sums = np.stack([np.bincount(place, weights=column, minlength=len(names)) for column in actual.T], axis=1)
    used = sums > 0
    scenarios = np.maximum(used.sum(axis=0), 1)
    return np.asarray(np.divide(1.0, sums * scenarios, out=np.zeros_like(sums), where=used)[place])


def _sums(actual: Values, predicted: Values) -> Values:
    errors = np.abs(predicted - actual)
    rows = np.full(actual.shape[1], float(len(actual)))
    return np.stack(
        [rows, actual.sum(axis=0), errors.sum(axis=0), symmetric_errors(actual, predicted).sum(axis=0)]
    )


def symmetric_errors(actual: Values, predicted: Values) -> Values:
    """|p - y| / ((p + y) / 2) of each entry, 0 where both are 0."""
    middle = (np.asarray(predicted, dtype=np.float64) + actual) / 2
    return np.divide(np.abs(predicted - actual), middle, out=np.zeros(middle.shape), where=middle > 0)


def _cell(task: str, scenario: str, sums: Values) -> Cell:
    rows, labels, errors, symmetric = (float(value) for value in sums)
    nmae = errors / labels if labels > 0 else math.nan
    return Cell(task, scenario, int(rows), labels, nmae, symmetric / rows)


def _check(actual: Values, predicted: Values) -> None:
    if np.shape(actual) != np.shape(predicted):
        raise ValueError(f"labels {np.shape(actual)} and predictions {np.shape(predicted)} differ in shape")
