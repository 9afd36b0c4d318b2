"""What the last days say about the next: totals of windows, scaled to the horizon.

Letters: N rows, m tasks, W window lengths, T days of history.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from m2m.metrics import CellTotals, overall
from m2m.samples import Samples
from m2m.spec import FeatureSpec

Values = npt.NDArray[np.float64]


def windows_tried(spec: FeatureSpec) -> tuple[int, ...]:
    """Lengths in days, within the history, of which one is picked for each task: the spec's and the horizon."""
    return tuple(sorted({min(days, spec.history_days) for days in (*spec.windows_days, spec.horizon_days)}))


def require_task_columns(spec: FeatureSpec) -> None:
    """Raise ValueError naming the tasks of which `spec.task_columns` does not say where their past stands."""
    unknown = [task for task in spec.tasks if task not in spec.task_columns]
    if unknown:
        raise ValueError(f"task_columns lacks {unknown}, expected a sequence column for every task")


def window_totals(samples: Samples, spec: FeatureSpec, task: str, days: int) -> Values:
    """The task's total over the last `days` days (at most T), [N]; values that are not finite count as 0. Raises
    KeyError for a task without a column."""
    column = spec.sequence_columns.index(spec.task_columns[task])
    start = spec.history_days - min(days, spec.history_days)
    recent = samples.sequences[:, column, start:].astype(np.float64)
    recent = np.nan_to_num(recent, nan=0.0, posinf=0.0, neginf=0.0)
    total: Values = ((recent > 0) if task in spec.counted_tasks else recent).sum(axis=1, dtype=np.float64)
    return total


def window_forecast(samples: Samples, spec: FeatureSpec, days: Sequence[int]) -> Values:
    """The daily mean of a window of `days` [m], one for each task, times the horizon, [N, m]; 0 days forecast 0.

    Raises as `require_task_columns`.
    """
    require_task_columns(spec)
    found = np.zeros((len(samples), len(spec.tasks)))
    for place, (task, wanted) in enumerate(zip(spec.tasks, days, strict=True)):
        window = min(wanted, spec.history_days)
        if window:
            found[:, place] = window_totals(samples, spec, task, window) * (spec.horizon_days / window)
    return found


def persistence(samples: Samples, spec: FeatureSpec) -> Values:
    """The last horizon again, [N, m]; of a shorter history its daily mean. Raises as `require_task_columns`."""
    return window_forecast(samples, spec, [spec.horizon_days] * len(spec.tasks))


def every_window(samples: Samples, spec: FeatureSpec) -> Values:
    """`window_forecast` of each of `windows_tried`, [N, W, m]. Raises as `require_task_columns`."""
    each = [window_forecast(samples, spec, [days] * len(spec.tasks)) for days in windows_tried(spec)]
    return np.stack(each, axis=1)


def best_windows(totals: Sequence[CellTotals], spec: FeatureSpec) -> tuple[int, ...]:
    """For each task the window of least NMAE (mean over scenarios), in days; of equals the shortest, the horizon for a
    task without labels. totals: of the forecasts of each of `windows_tried`, W of them."""
    tried, chosen = windows_tried(spec), []
    for task in spec.tasks:
        errors = [overall([cell for cell in total.cells() if cell.task == task])["nmae"] for total in totals]
        chosen.append(spec.horizon_days if np.isnan(errors).any() else tried[int(np.argmin(errors))])
    return tuple(chosen)
