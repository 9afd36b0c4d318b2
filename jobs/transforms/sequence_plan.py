"""What to cut out of the facts: columns, days, windows. Plain numbers and names, so that it travels to every worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from jobs.common.settings import Settings
from jobs.common.settings_sections import WINDOWS_DAYS

EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class SequencePlan:
    """Days are counted from 1970-01-01, both ends included; columns are named by their place among `daily`."""

    daily: tuple[str, ...]
    ratios: tuple[tuple[str, int, int], ...]
    eligible: tuple[int, ...]
    active: int
    profile: tuple[str, ...]
    label_columns: tuple[int | None, ...]
    end_days: tuple[int, ...]
    history_days: int
    horizon_days: int
    with_labels: bool

    @staticmethod
    def of(settings: Settings, end_days: Sequence[date], with_labels: bool = False) -> SequencePlan:
        """The plan of a settings file for these end days. Raises ValueError when there is none."""
        if not end_days:
            raise ValueError("no end day; expected at least one")
        columns, daily = settings.columns, tuple(settings.columns.daily)
        return SequencePlan(
            daily=daily,
            ratios=tuple(
                (r.name, daily.index(r.numerator), daily.index(r.denominator)) for r in columns.ratios
            ),
            eligible=tuple(daily.index(c) for c in settings.eligible_columns),
            active=daily.index(settings.active_day_column),
            profile=tuple(columns.profile),
            label_columns=tuple(daily.index(t.column) if t.column else None for t in settings.tasks),
            end_days=tuple(sorted({day_number(day) for day in end_days})),
            history_days=settings.history_days,
            horizon_days=settings.horizon_days,
            with_labels=with_labels,
        )

    @property
    def first_day(self) -> int:
        """First day of facts whose values matter; day 0 of the dense arrays."""
        return self.end_days[0] - self.history_days + 1

    @property
    def last_day(self) -> int:
        """Last day of facts that matters: labels look horizon_days ahead."""
        return self.end_days[-1] + (self.horizon_days if self.with_labels else 0)

    @property
    def days(self) -> int:
        """Length D of the dense arrays."""
        return self.last_day - self.first_day + 1

    @property
    def windows_days(self) -> tuple[int, ...]:
        """Lengths of the advertiser's windows; none is longer than the history."""
        return tuple(min(window, self.history_days) for window in WINDOWS_DAYS)
