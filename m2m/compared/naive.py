"""Forecasts that need no training: nothing, the last days again, the best window's mean.

Letters: N rows, m tasks, T days, W window lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from m2m.forecast import Forecast
from m2m.metrics import CellTotals, overall
from m2m.samples import Samples
from m2m.sources import SampleSource
from m2m.spec import FeatureSpec

Values = npt.NDArray[np.float64]


class TaskColumn(NamedTuple):
    """Where the past of a task stands. column: index on the axis F of `Samples.sequences`; count_active_days: the task
    counts the days on which that column is above 0 instead of summing it."""

    column: int
    count_active_days: bool = False


def window_totals(samples: Samples, columns: Sequence[TaskColumn], days: int) -> Values:
    """Each task's total over the last `days` days (at most T), [N, m]; values that are not finite count as 0."""
    start = samples.sequences.shape[2] - min(days, samples.sequences.shape[2])
    totals = np.empty((len(samples), len(columns)))
    for place, (column, count_active_days) in enumerate(columns):
        recent = np.nan_to_num(
            samples.sequences[:, column, start:].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0
        )
        totals[:, place] = ((recent > 0) if count_active_days else recent).sum(axis=1)
    return totals


@dataclass(frozen=True)
class WindowForecast:
    """The total of the last days, scaled to the days ahead. chosen: task -> window in days, 0 predicts 0."""

    columns: tuple[TaskColumn, ...]
    chosen: Mapping[str, int]
    horizon_days: int
    parameters: int = 0

    def predict(self, samples: Samples) -> Forecast:
        """One estimate [N, m], as the mean; it stands for the median too."""
        mean = np.zeros((len(samples), len(self.columns)))
        for place, days in enumerate(self.chosen.values()):
            reach = min(days, samples.sequences.shape[2])
            if reach:
                totals = window_totals(samples, self.columns[place : place + 1], reach)
                mean[:, place] = totals[:, 0] * (self.horizon_days / reach)
        return Forecast(mean)


class NaiveForecast(Protocol):
    """A rule that needs no more than a choice of windows."""

    def fit(
        self, train: SampleSource, valid: SampleSource, spec: FeatureSpec, columns: Sequence[TaskColumn]
    ) -> WindowForecast:
        """columns: one for each task of `spec`. Raises ValueError when they do not fit `spec`."""
        ...


class Zero:
    """Nothing will happen."""

    def fit(
        self, train: SampleSource, valid: SampleSource, spec: FeatureSpec, columns: Sequence[TaskColumn]
    ) -> WindowForecast:
        """Reads no row. Raises ValueError when `columns` do not fit `spec`."""
        return _same_window(0, spec, columns)


class Persistence:
    """The last `horizon_days` again."""

    def fit(
        self, train: SampleSource, valid: SampleSource, spec: FeatureSpec, columns: Sequence[TaskColumn]
    ) -> WindowForecast:
        """Reads no row. Raises ValueError when `columns` do not fit `spec`."""
        return _same_window(spec.horizon_days, spec, columns)


class WindowMean:
    """The daily mean of a window times `horizon_days`, the window of each task picked on validation."""

    def fit(
        self, train: SampleSource, valid: SampleSource, spec: FeatureSpec, columns: Sequence[TaskColumn]
    ) -> WindowForecast:
        """Among `spec.windows_days` and `horizon_days` the window of least NMAE on `valid` (mean over scenarios); of
        equals the shortest, without labels `horizon_days`. Raises ValueError when `columns` do not fit `spec`."""
        windows = sorted({min(days, spec.history_days) for days in (*spec.windows_days, spec.horizon_days)})
        rivals = [_same_window(days, spec, columns) for days in windows]
        totals = [CellTotals(spec.tasks) for _ in rivals]
        for piece in range(len(valid.piece_rows)):
            samples = valid.read(piece)
            labels, scenario = samples.checked_labels(spec), samples.knowledge[spec.scenario_column]
            for rival, total in zip(rivals, totals, strict=True):
                total.add(labels, rival.predict(samples).mean, scenario)
        chosen = {task: _best_window(task, windows, totals, spec.horizon_days) for task in spec.tasks}
        return WindowForecast(tuple(columns), chosen, spec.horizon_days)


NAIVE: Mapping[str, NaiveForecast] = {
    "zero": Zero(),
    "persistence": Persistence(),
    "window_mean": WindowMean(),
}
"""The rules by the name they have in a comparison."""


def _same_window(days: int, spec: FeatureSpec, columns: Sequence[TaskColumn]) -> WindowForecast:
    if len(columns) != len(spec.tasks):
        raise ValueError(f"{len(columns)} columns, expected one for each of {list(spec.tasks)}")
    for task, column in zip(spec.tasks, columns, strict=True):
        if not 0 <= column.column < len(spec.sequence_columns):
            most = len(spec.sequence_columns) - 1
            raise ValueError(f"task {task} reads column {column.column}, expected 0 to {most}")
    return WindowForecast(tuple(columns), dict.fromkeys(spec.tasks, days), spec.horizon_days)


def _best_window(task: str, windows: Sequence[int], totals: Sequence[CellTotals], horizon_days: int) -> int:
    errors = [overall([cell for cell in total.cells() if cell.task == task])["nmae"] for total in totals]
    return horizon_days if np.isnan(errors).any() else windows[int(np.argmin(errors))]
