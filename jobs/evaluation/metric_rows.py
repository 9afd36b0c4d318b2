"""Cells of predictions -> rows of metrics: every task x scenario, their means by task, by scenario and over all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from m2m import Cell, overall

ALL = "all"


class MetricRow(NamedTuple):
    """task, scenario_id: of the cell, or ALL. nmae, smape: None where no label is above 0."""

    task: str
    scenario_id: str
    nmae: float | None
    smape: float | None
    rows: int


def metric_rows(cells: Sequence[Cell]) -> list[MetricRow]:
    """Cells in order, then their mean over the scenarios of each task, over the tasks of each scenario, over all."""
    found = [MetricRow(c.task, c.scenario, known(c.nmae), known(c.smape), c.rows) for c in cells]
    tasks, scenarios = list(dict.fromkeys(c.task for c in cells)), sorted({c.scenario for c in cells})
    for task in tasks:
        found.append(_mean(task, ALL, [c for c in cells if c.task == task]))
    for scenario in scenarios:
        found.append(_mean(ALL, scenario, [c for c in cells if c.scenario == scenario]))
    return [*found, _mean(ALL, ALL, cells)]


def known(value: float) -> float | None:
    """None for what is not a number."""
    return None if math.isnan(value) else value


def _mean(task: str, scenario: str, cells: Sequence[Cell]) -> MetricRow:
    """rows: of the samples, each of which stands in one cell of every task."""
    means = overall(cells)
    first = [c.rows for c in cells if c.task == cells[0].task]
    return MetricRow(task, scenario, known(means["nmae"]), known(means["smape"]), sum(first))
