"""Forecasts that need no training, to hold a model against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.common.settings import Settings
from m2m import Samples


def persistence(samples: Samples, settings: Settings) -> NDArray[np.float64]:
    """The last `horizon_days` again: sums of the task's column, or its active days. Returns [N, m]."""
    recent = samples.sequences[:, :, -settings.horizon_days :].astype(np.float64)
    index = {name: position for position, name in enumerate(settings.columns.sequences)}
    forecasts = []
    for task in settings.tasks:
        if task.column:
            forecasts.append(recent[:, index[task.column]].sum(axis=1))
        else:
            forecasts.append((recent[:, index[settings.active_day_column]] > 0).sum(axis=1))
    return np.column_stack(forecasts)
