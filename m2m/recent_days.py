"""What the last days add to a model's point estimate: rules fitted on training and validation rows.

Letters: N rows, m tasks, W window lengths, w weight of the last days.

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

from m2m.metrics import CellTotals, cell_metrics, overall
from m2m.plain import exact_entries
from m2m.point_estimate import ABSOLUTE_WEIGHT, Names, Values, rounded
from m2m.samples import Samples
from m2m.spec import FeatureSpec
from m2m.window_forecasts import best_windows, persistence, window_forecast, windows_tried

# Powers that are tried; of equals the first, so that rows of a kind that validation lacks too are half believed.
_POWERS = (0.5, 0.0, 1.0)
_WEIGHTS = (0.0, 0.05, *(step / 10 for step in range(1, 11)))


@dataclass(frozen=True)
class RecentDays:
    """largest: [m], the largest total of the last horizon in training rows; power: of how many times it is exceeded.
    days: [m], the window of each task; weight: w. Both lists are () before anything is fitted: nothing is changed then.
    Raises ValueError when a number is out of range, or when there is a weight without windows.
    """

    largest: tuple[float, ...] = ()
    power: float = _POWERS[0]
    days: tuple[int, ...] = ()
    weight: float = 0.0

    def __post_init__(self) -> None:
        for name in ("largest", "days"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not all(0 <= largest < float("inf") for largest in self.largest):
            raise ValueError(f"largest is {self.largest}, expected numbers from 0 on")
        if any(days < 1 for days in self.days):
            raise ValueError(f"days is {self.days}, expected whole days from 1 on")
        for name in ("power", "weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a number from 0 to 1")
        if self.weight and not 0 < len(self.days) == len(self.largest):
            raise ValueError(f"days is {self.days}, expected a window for each of {self.largest}")

    def fitted(
        self, point: Values, windows: Values, labels: Values, scenario: Names, spec: FeatureSpec,
        whole: Sequence[bool],
    ) -> RecentDays:  # fmt: skip
        """This with the weight and the power of least overall 4 NMAE + SMAPE, of equals the smallest weight, and for
        each task the window of least NMAE.

        point: the model's estimates [N, m]; windows: `every_window` of these rows; labels: [N, m]; scenario: text [N];
        whole: [m], tasks that count whole things. With a task without labels, this as it is.
        """
        if not (labels.sum(axis=0) > 0).all():
            return self
        totals = [CellTotals(spec.tasks) for _ in windows_tried(spec)]
        for place, total in enumerate(totals):
            total.add(labels, windows[:, place], scenario)
        days, tried = best_windows(totals, spec), windows_tried(spec)
        recent = np.stack([windows[:, tried.index(each), task] for task, each in enumerate(days)], axis=1)
        last = windows[:, tried.index(min(spec.horizon_days, spec.history_days))]
        rules = [replace(self, power=power) for power in _POWERS]
        stretched = [rule._stretched(point, last) for rule in rules]

        def cost(weight: float, estimate: Values) -> float:
            found = _blended(estimate, recent, weight, whole, spec)
            figures = overall(cell_metrics(labels, found, scenario, spec.tasks))
            return round(ABSOLUTE_WEIGHT * figures["nmae"] + figures["smape"], 9)

        pairs = [(weight, place) for weight in _WEIGHTS for place in range(len(rules))]
        weight, place = min(pairs, key=lambda pair: cost(pair[0], stretched[pair[1]]))
        return replace(rules[place], days=days, weight=weight)

    def apply(self, point: Values, samples: Samples, spec: FeatureSpec, whole: Sequence[bool]) -> Values:
        """The estimates [N, m] of the model's `point` [N, m] for `samples`. whole: [m]. Raises ValueError when this was
        fitted for another number of tasks."""
        if not self.largest:
            return point
        if len(self.largest) != len(spec.tasks):
            raise ValueError(
                f"largest has {len(self.largest)} numbers, expected one for each of {list(spec.tasks)}"
            )
        stretched = self._stretched(point, persistence(samples, spec))
        recent = window_forecast(samples, spec, self.days) if self.weight else stretched
        return _blended(stretched, recent, self.weight, whole, spec)

    def _stretched(self, point: Values, last: Values) -> Values:
        """last: `persistence` of these rows [N, m]."""
        largest = np.asarray(self.largest)
        beyond = np.divide(last, largest, out=np.ones_like(last), where=largest > 0)
        stretched: Values = point * np.maximum(1.0, beyond) ** self.power
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


def _blended(
    point: Values, recent: Values, weight: float, whole: Sequence[bool], spec: FeatureSpec
) -> Values:
    """(1 - w) * point + w * recent, [N, m], rounded where `whole`, from 0 to the bounds of `spec`; zero where `point`
    is, unless w = 1."""
    bounds = [spec.bounded_tasks.get(task, np.inf) for task in spec.tasks]
    # A sum of days with corrections can be below zero; a total to come cannot.
    blend: Values = np.clip(rounded((1 - weight) * point + weight * recent, whole), 0.0, bounds)
    return blend if weight == 1 else np.where(point == 0, 0.0, blend)
