"""Forecasts that need no training: nothing, the last days again, the best window's mean.

Letters: N rows, m tasks, T days, W window lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from m2m.forecast import Forecast
from m2m.metrics import CellTotals
from m2m.samples import Samples
from m2m.sources import SampleSource
from m2m.spec import FeatureSpec
from m2m.window_forecasts import best_windows, require_task_columns, window_forecast, windows_tried


@dataclass(frozen=True)
class WindowForecast:
    """The total of the last days, scaled to the days ahead. chosen: task -> window in days, 0 predicts 0; windows need
    `spec.task_columns` of every task."""

    spec: FeatureSpec
    chosen: Mapping[str, int]
    parameters: int = 0

    def predict(self, samples: Samples) -> Forecast:
        """One estimate [N, m], as the mean; it stands for the median too."""
        if not any(self.chosen.values()):
            return Forecast(np.zeros((len(samples), len(self.spec.tasks))))
        return Forecast(window_forecast(samples, self.spec, [self.chosen[task] for task in self.spec.tasks]))


class NaiveForecast(Protocol):
    """A rule that needs no more than a choice of windows."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Raises ValueError when `spec.task_columns` lacks a task that must be known."""
        ...


class Zero:
    """Nothing will happen."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Reads no row."""
        return _same_window(0, spec)


class Persistence:
    """The last `horizon_days` again."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Reads no row. Raises ValueError when `spec.task_columns` lacks a task."""
        require_task_columns(spec)
        return _same_window(spec.horizon_days, spec)


class WindowMean:
    """The daily mean of a window times `horizon_days`, the window of each task picked on validation."""

    def fit(self, train: SampleSource, valid: SampleSource, spec: FeatureSpec) -> WindowForecast:
        """Among `spec.windows_days` and `horizon_days` the window of least NMAE on `valid` (mean over scenarios); of
        equals the shortest, without labels `horizon_days`. Raises ValueError when `spec.task_columns` lacks a task.
        """
        require_task_columns(spec)
        rivals = [_same_window(days, spec) for days in windows_tried(spec)]
        totals = [CellTotals(spec.tasks) for _ in rivals]
        for piece in range(len(valid.piece_rows)):
            samples = valid.read(piece)
            labels, scenario = samples.checked_labels(spec), samples.knowledge[spec.scenario_column]
            for rival, total in zip(rivals, totals, strict=True):
                total.add(labels, rival.predict(samples).mean, scenario)
        return WindowForecast(spec, dict(zip(spec.tasks, best_windows(totals, spec), strict=True)))


NAIVE: Mapping[str, NaiveForecast] = {
    "zero": Zero(),
    "persistence": Persistence(),
    "window_mean": WindowMean(),
}
"""The rules by the name they have in a comparison."""


def _same_window(days: int, spec: FeatureSpec) -> WindowForecast:
    return WindowForecast(spec, dict.fromkeys(spec.tasks, days))
