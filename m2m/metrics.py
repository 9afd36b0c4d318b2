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
    middle = (np.asarray(predicted, dtype=np.float64) + actual) / 2
    parts = np.divide(np.abs(predicted - actual), middle, out=np.zeros(len(middle)), where=middle > 0)
    return float(parts.mean()) if len(parts) else math.nan


def cell_metrics(
    actual: Values, predicted: Values, scenario: npt.NDArray[np.str_], tasks: Sequence[str]
) -> list[Cell]:
    """One cell per task and scenario. actual, predicted: [N, m]; scenario: text [N]."""
    if actual.shape != predicted.shape or actual.shape != (len(scenario), len(tasks)):
        found = f"labels {actual.shape}, predictions {predicted.shape}, scenarios {len(scenario)}"
        raise ValueError(f"{found}: expected the same rows and {len(tasks)} columns")
    cells = []
    for column, task in enumerate(tasks):
        for name in np.unique(scenario):
            rows = scenario == name
            cells.append(_cell(task, str(name), actual[rows, column], predicted[rows, column]))
    return cells


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


def _cell(task: str, scenario: str, actual: Values, predicted: Values) -> Cell:
    total = float(actual.sum())
    return Cell(task, scenario, len(actual), total, nmae(actual, predicted), smape(actual, predicted))


def _check(actual: Values, predicted: Values) -> None:
    if np.shape(actual) != np.shape(predicted):
        raise ValueError(f"labels {np.shape(actual)} and predictions {np.shape(predicted)} differ in shape")
