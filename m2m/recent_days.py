"""What the last days add to a model's point estimate: rules fitted on training and validation rows.

Letters: N rows, m tasks, W window lengths, w share of the last days.

A trained model has two weaknesses against repeating the last week. Rows busier than any training row are beyond what it
can tell: its estimate is stretched by a power of how many times busier they are. And where rows were few, or demand
moves on, the last days again can be better than it: the estimate is (1 - w) of the model's and w of the best window's;
where the model says zero it stays zero, until w = 1 and the window speaks alone. w is one number for all tasks, and 0
where the model is better without (decision 15).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from m2m.metrics import cell_metrics, overall
from m2m.plain import exact_entries
from m2m.point_estimate import ABSOLUTE_WEIGHT, Names, Values, rounded
from m2m.samples import Samples
from m2m.spec import FeatureSpec

# Powers that are tried; of equals the first, so that rows of a kind that validation lacks too are half believed.
_POWERS = (0.5, 0.0, 1.0)
_SHARES = (0.0, 0.05, *(step / 10 for step in range(1, 11)))


def tells_past(spec: FeatureSpec) -> bool:
    """Whether `spec` says of every task where its past stands."""
    return all(task in spec.task_columns for task in spec.tasks)


def windows_tried(spec: FeatureSpec) -> tuple[int, ...]:
    """Lengths in days, within the history, of which one is picked for each task: the spec's and the horizon."""
    return tuple(sorted({min(days, spec.history_days) for days in (*spec.windows_days, spec.horizon_days)}))


def window_totals(samples: Samples, spec: FeatureSpec, days: int) -> Values:
    """Each task's total over the last `days` days (at most T), [N, m]; values that are not finite count as 0.

    Raises ValueError naming the tasks of which `spec.task_columns` does not say where their past stands.
    """
    if not tells_past(spec):
        unknown = [task for task in spec.tasks if task not in spec.task_columns]
        raise ValueError(f"task_columns lacks {unknown}, expected a sequence column for every task")
    start = spec.history_days - min(days, spec.history_days)
    totals = np.empty((len(samples), len(spec.tasks)))
    for place, task in enumerate(spec.tasks):
        column = spec.sequence_columns.index(spec.task_columns[task])
        recent = np.nan_to_num(
            samples.sequences[:, column, start:].astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0
        )
        totals[:, place] = ((recent > 0) if task in spec.counted_tasks else recent).sum(axis=1)
    return totals


def window_forecast(samples: Samples, spec: FeatureSpec, days: Sequence[int]) -> Values:
    """The daily mean of a window of `days` [m], one for each task, times the horizon, [N, m]; 0 days forecast 0.

    Raises as `window_totals`.
    """
    found = np.zeros((len(samples), len(spec.tasks)))
    for window in {min(window, spec.history_days) for window in days} - {0}:
        taken = [place for place, wanted in enumerate(days) if min(wanted, spec.history_days) == window]
        found[:, taken] = window_totals(samples, spec, window)[:, taken] * (spec.horizon_days / window)
    return found


def last_again(samples: Samples, spec: FeatureSpec) -> Values:
    """The last horizon over again, [N, m]. Raises as `window_totals`."""
    return window_forecast(samples, spec, [spec.horizon_days] * len(spec.tasks))


@dataclass(frozen=True)
class RecentDays:
    """largest: [m], the largest total of the last horizon in training rows, () when nobody knows; power: of how many
    times it is exceeded. days: [m], the window of each task, () without a share. share: w.
    Raises ValueError when a number is out of range.
    """

    largest: tuple[float, ...] = ()
    power: float = _POWERS[0]
    days: tuple[int, ...] = ()
    share: float = 0.0

    def __post_init__(self) -> None:
        for name in ("largest", "days"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not all(0 <= largest < float("inf") for largest in self.largest):
            raise ValueError(f"largest is {self.largest}, expected numbers from 0 on")
        if any(days < 1 for days in self.days):
            raise ValueError(f"days is {self.days}, expected whole days from 1 on")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share}, expected a number from 0 to 1")
        if not 0 <= self.power <= 1:
            raise ValueError(f"power is {self.power}, expected a number from 0 to 1")

    def fitted(
        self, point: Values, windows: Values, labels: Values, scenario: Names, spec: FeatureSpec,
        whole: Sequence[bool],
    ) -> RecentDays:  # fmt: skip
        """This with the share and the power of least overall 4 NMAE + SMAPE, of equals the smallest share, and for each
        task the window of least NMAE.

        point: the model's estimates [N, m]; windows: `every_window` of these rows; labels: [N, m]; scenario: text [N];
        whole: [m], tasks that count whole things. A task without labels, or of unknown past, leaves the share at 0.
        """
        if not windows.shape[1] or not (labels.sum(axis=0) > 0).all():
            return self
        places, tried = best_windows(windows, labels, scenario, spec), windows_tried(spec)
        last = windows[:, tried.index(min(spec.horizon_days, spec.history_days))]
        recent = np.stack([windows[:, place, task] for task, place in enumerate(places)], axis=1)

        def cost(rule: RecentDays) -> float:
            found = mixed(rule._stretched(point, last, spec), recent, rule.share, whole)
            figures = overall(cell_metrics(labels, found, scenario, spec.tasks))
            return round(ABSOLUTE_WEIGHT * figures["nmae"] + figures["smape"], 9)

        days = tuple(tried[place] for place in places)
        return min((replace(self, power=p, days=days, share=w) for w in _SHARES for p in _POWERS), key=cost)

    def apply(self, point: Values, samples: Samples, spec: FeatureSpec, whole: Sequence[bool]) -> Values:
        """The estimates [N, m] of the model's `point` [N, m] for `samples`. whole: [m]."""
        if not self.largest:
            return point
        stretched = self._stretched(point, last_again(samples, spec), spec)
        recent = window_forecast(samples, spec, self.days) if self.share else stretched
        return mixed(stretched, recent, self.share, whole)

    def _stretched(self, point: Values, last: Values, spec: FeatureSpec) -> Values:
        """last: `last_again` of these rows [N, m]. Bounded tasks stay within their bounds."""
        largest = np.asarray(self.largest)
        beyond = np.divide(last, largest, out=np.ones_like(last), where=largest > 0)
        bounds = [spec.bounded_tasks.get(task, np.inf) for task in spec.tasks]
        stretched: Values = np.minimum(point * np.maximum(1.0, beyond) ** self.power, bounds)
        return stretched

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {**asdict(self), "largest": list(self.largest), "days": list(self.days)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> RecentDays:
        """The inverse of `to_dict`. Raises ValueError naming a missing or unknown entry."""
        return cls(**exact_entries(cls, plain, "recent days"))


NOTHING_RECENT = RecentDays()
"""Leaves every estimate as it is."""


def every_window(samples: Samples, spec: FeatureSpec) -> Values:
    """`window_forecast` of each of `windows_tried`, [N, W, m]; W = 0 when `spec` does not tell the past."""
    if not tells_past(spec):
        return np.zeros((len(samples), 0, len(spec.tasks)))
    each = [window_forecast(samples, spec, [days] * len(spec.tasks)) for days in windows_tried(spec)]
    return np.stack(each, axis=1)


def best_windows(windows: Values, labels: Values, scenario: Names, spec: FeatureSpec) -> tuple[int, ...]:
    """The places [m] among W of the window of least NMAE (mean over scenarios) of each task, of equals the shortest.

    windows: [N, W, m]; labels: [N, m]; scenario: text [N].
    """
    errors = []
    for place in range(windows.shape[1]):
        cells = cell_metrics(labels, windows[:, place], scenario, spec.tasks)
        errors.append([overall([cell for cell in cells if cell.task == task])["nmae"] for task in spec.tasks])
    return tuple(int(place) for place in np.argmin(errors, axis=0))


def mixed(point: Values, recent: Values, share: float, whole: Sequence[bool]) -> Values:
    """(1 - w) * point + w * recent, [N, m], rounded where `whole`; zero where `point` is, unless w = 1."""
    if share == 1:
        return rounded(recent, whole)
    return np.where(point == 0, 0.0, rounded((1 - share) * point + share * recent, whole))
