"""What is learned about a trained head from labels: which tasks count whole things, how wide an interval must be, how
large the point estimate and how much of it the last days.

Letters: N rows, m tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from m2m.calibration import coverage
from m2m.forecast import Forecast, Values
from m2m.plain import exact_entries
from m2m.recent_days import NOTHING_RECENT, RecentDays

INTERVAL = 0.8
"""Share of the labels that [p10, p90] is to hold."""
MAX_SHIFT = 0.02
_STEPS = 8
# Rows at which half of the shift found is believed.
_HALF_ROWS = 500.0


@dataclass(frozen=True)
class Recalibration:
    """whole_tasks: tasks whose labels are whole numbers; their medians are rounded.

    interval_shift: added to the level of p10 and taken from that of p90. Labels with many zeros make closed
    intervals of true quantiles hold more than they say (a row with P(y > 0) = 0.5 has no lower tail to leave
    out). Few numbers, and at most MAX_SHIFT: demand drifts after the validation days.
    point_scale: by which amounts are multiplied for the point estimate (`m2m.point_estimate`), for nothing else.
    recent: what the last days add to the point estimate, and to nothing else.
    Raises ValueError when a number is out of range.
    """

    whole_tasks: tuple[str, ...] = ()
    interval_shift: float = 0.0
    point_scale: float = 1.0
    recent: RecentDays = NOTHING_RECENT

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole_tasks", tuple(self.whole_tasks))
        if not abs(self.interval_shift) <= MAX_SHIFT:
            raise ValueError(f"interval_shift is {self.interval_shift}, expected at most {MAX_SHIFT} from 0")
        if not 0 < self.point_scale < float("inf"):
            raise ValueError(f"point_scale is {self.point_scale}, expected a number above 0")

    @classmethod
    def of_labels(cls, labels: Values, tasks: Sequence[str]) -> Recalibration:
        """What the training labels [N, m] say before any training."""
        whole = (labels == np.rint(labels)).all(axis=0)
        return cls(tuple(task for task, is_whole in zip(tasks, whole, strict=True) if is_whole))

    def is_whole(self, tasks: Sequence[str]) -> list[bool]:
        """Of each task, whether its labels are whole numbers."""
        return [task in self.whole_tasks for task in tasks]

    def fitted(self, forecast: Callable[[Recalibration], Forecast], labels: Values) -> Recalibration:
        """This with the shift that brings the share of `labels` [N, m] in [p10, p90] nearest to INTERVAL.

        forecast: the trained head's forecast of the validation rows under a recalibration. The shift is one
        number for all tasks, shrunk towards 0 by N / (N + 500). A head without an interval has none.
        """
        if not len(labels) or forecast(self).p10 is None:
            return self
        shifts = sorted(np.linspace(-MAX_SHIFT, MAX_SHIFT, 2 * _STEPS + 1).tolist(), key=abs)
        misses = [
            abs(_share_inside(forecast(replace(self, interval_shift=s)), labels) - INTERVAL) for s in shifts
        ]
        shrink = len(labels) / (len(labels) + _HALF_ROWS)
        return replace(self, interval_shift=shifts[int(np.argmin(misses))] * shrink)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        recent = self.recent.to_dict()
        return {**asdict(self), "whole_tasks": list(self.whole_tasks), "recent": recent}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Recalibration:
        """The inverse of `to_dict`. Raises ValueError naming a missing or unknown entry."""
        entries = exact_entries(cls, plain, "recalibration")
        return cls(**{**entries, "recent": RecentDays.from_dict(entries["recent"])})


def _share_inside(forecast: Forecast, labels: Values) -> float:
    if forecast.p10 is None or forecast.p90 is None:
        raise ValueError("the forecast has no interval, expected p10 and p90")
    return coverage(labels, forecast.p10, forecast.p90)
