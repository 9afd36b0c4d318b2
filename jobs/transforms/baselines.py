"""Forecasts that need no training, to hold a model against: `m2m.compared.naive` with the columns of the settings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.common.settings import Settings
from m2m import Samples
from m2m.compared.naive import TaskColumn, window_totals


def task_columns(settings: Settings) -> tuple[TaskColumn, ...]:
    """Where the past of each task stands in the sequences, in the order of the tasks."""
    index = {name: position for position, name in enumerate(settings.columns.sequences)}
    return tuple(
        TaskColumn(index[task.column])
        if task.column
        else TaskColumn(index[settings.active_day_column], count_active_days=True)
        for task in settings.tasks
    )


def persistence(samples: Samples, settings: Settings) -> NDArray[np.float64]:
    """The last `horizon_days` again: sums of the task's column, or its active days. Returns [N, m]."""
    return window_totals(samples, task_columns(settings), settings.horizon_days)
