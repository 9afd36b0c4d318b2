"""Forecasts that need no training: nothing, the last days again, the best window's mean.

Letters: N rows, m tasks, T days, W window lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from m2m.forecast import Forecast
from m2m.metrics import CellTotals, overall
from m2m.recent_days import window_forecast, windows_tried
from m2m.samples import Samples
from m2m.sources import SampleSource
from m2m.spec import FeatureSpec


@dataclass(frozen=True)
class WindowForecast:
    """The total of the last days, scaled to the days ahead. chosen: task -> window in days, 0 predicts 0."""

    spec: FeatureSpec
    chosen: Mapping[str, int]
    parameters: int = 0

    def predict(self, samples: Samples) -> Forecast:
        """One estimate [N, m], as the mean; it stands for the median too."""
        return Forecast(window_forecast(samples, self.spec, [self.chosen[task] for task in self.spec.tasks]))


class NaiveForecast(Protocol):
    """A rule that needs no more than a choice of windows."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Raises ValueError when `spec.task_columns` lacks a task."""
        ...


class Zero:
    """Nothing will happen."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Reads no row."""
        return _same_window(0, spec)


class Persistence:
    """The last `horizon_days` again."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Reads no row."""
        return _same_window(spec.horizon_days, spec)


class WindowMean:
    """The daily mean of a window times `horizon_days`, the window of each task picked on validation."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Among `spec.windows_days` and `horizon_days` the window of least NMAE on `valid` (mean over scenarios); of
        equals the shortest, without labels `horizon_days`. Raises ValueError when `spec.task_columns` lacks a task.
        """
        windows = windows_tried(spec)
        rivals = [_same_window(days, spec) for days in windows]
        totals = [CellTotals(spec.tasks) for _ in rivals]
        for piece in range(len(valid.piece_rows)):
            samples = valid.read(piece)
            labels, scenario = samples.checked_labels(spec), samples.knowledge[spec.scenario_column]
            for rival, total in zip(rivals, totals, strict=True):
                total.add(labels, rival.predict(samples).mean, scenario)
        chosen = {task: _best_window(task, windows, totals, spec.horizon_days) for task in spec.tasks}
        return WindowForecast(spec, chosen)


NAIVE: Mapping[str, NaiveForecast] = {
    "zero": Zero(),
    "persistence": Persistence(),
    "window_mean": WindowMean(),
}
"""The rules by the name they have in a comparison."""


def _same_window(days: int, spec: FeatureSpec) -> WindowForecast:
    return WindowForecast(spec, dict.fromkeys(spec.tasks, days))


def _best_window(task: str, windows: Sequence[int], totals: Sequence[CellTotals], horizon_days: int) -> int:
    errors = [overall([cell for cell in total.cells() if cell.task == task])["nmae"] for total in totals]
    return horizon_days if np.isnan(errors).any() else windows[int(np.argmin(errors))]
