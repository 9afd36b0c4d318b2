"""Small worlds unlike each other, as labelled samples: tiny and larger, calm and drifting, few scenarios and many.

Letters: N pairs, T days of history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from m2m import FeatureSpec, Samples
from m2m.dense import window_sums

SPEC = FeatureSpec(
    behaviours=("login_count",),
    performance=("clicks", "expenditure"),
    knowledge=("scenario_id", "main_category"),
    tasks=("clicks", "expenditure", "active_days"),
    history_days=28,
    horizon_days=7,
    windows_days=(1, 3, 7, 14, 28),
    bounded_tasks={"active_days": 7.0},
    task_columns={"clicks": "clicks", "expenditure": "expenditure", "active_days": "expenditure"},
    counted_tasks=("active_days",),
)
_TRAIN_DAYS, _VALID_DAYS, _TEST_DAYS = range(28, 58, 3), range(65, 71, 2), range(78, 84, 2)


class Parts(NamedTuple):
    """Labels of a part end before the next part begins."""

    train: Samples
    valid: Samples
    test: Samples


@dataclass(frozen=True)
class World:
    """A pair's clicks are Poisson around a level of its own.

    pairs; scenarios, among which they are spread evenly. wander: deviation of the log level's change from day to day.
    growth: change of every log level in a day. turn_day, turn: from that day on a random half of the pairs has its
    level times e^turn, the other half divided by it. quiet: share of the days, in stretches of ten, without anything.
    """

    pairs: int
    scenarios: int = 3
    wander: float = 0.05
    growth: float = 0.0
    turn_day: int = 1000
    turn: float = 0.0
    quiet: float = 0.2

    def parts(self, seed: int = 0) -> Parts:
        """Rows of all pairs on the days of each part."""
        generator = np.random.default_rng(seed)
        daily, scenario = self._daily(generator), np.arange(self.pairs) % self.scenarios
        knowledge = {
            "scenario_id": np.char.add("s", scenario.astype(str)),
            "main_category": np.char.add("c", generator.integers(4, size=self.pairs).astype(str)),
        }
        return Parts(*(_rows(daily, knowledge, days) for days in (_TRAIN_DAYS, _VALID_DAYS, _TEST_DAYS)))

    def _daily(self, generator: np.random.Generator) -> np.ndarray:
        """login_count, clicks, expenditure of every day, [N, 3, days]."""
        days = np.arange(_TEST_DAYS[-1] + 1 + SPEC.horizon_days)
        shape = (self.pairs, len(days))
        level = generator.normal(1.0, 0.8, size=(self.pairs, 1)) + self.growth * days
        level = level + generator.normal(0.0, self.wander, size=shape).cumsum(axis=1)
        level = level + self.turn * generator.choice([-1, 1], size=(self.pairs, 1)) * (days >= self.turn_day)
        open_now = np.repeat(generator.random((self.pairs, len(days) // 10 + 1)) >= self.quiet, 10, axis=1)
        clicks = generator.poisson(np.exp(level) * open_now[:, : len(days)])
        spent = clicks * generator.lognormal(0.0, 0.5, size=shape)
        return np.stack([generator.poisson(1.0 + open_now[:, : len(days)]), clicks, spent], axis=1)


def _rows(daily: np.ndarray, knowledge: dict[str, np.ndarray], days: range) -> Samples:
    parts = [_rows_of_day(daily, knowledge, day) for day in days]
    return Samples.concat(parts)


def _rows_of_day(daily: np.ndarray, knowledge: dict[str, np.ndarray], day: int) -> Samples:
    past = daily[:, :, day - SPEC.history_days : day].astype(np.float32)
    clicks, spent = (daily[:, column, day : day + SPEC.horizon_days] for column in (1, 2))
    return Samples(
        sequences=past,
        advertiser_window_sums=window_sums(past, SPEC.windows_days),
        weekday=np.full(len(past), day % 7),
        knowledge=knowledge,
        labels=np.column_stack([clicks.sum(axis=1), spent.sum(axis=1), (spent > 0).sum(axis=1)]),
    )
