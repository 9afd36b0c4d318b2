"""How a day compares with the seven days before it, from one number per day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from statistics import fmean, median

WEEK_DAYS = 7
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
NOTHING_TO_COMPARE = 1.0
"""The ratio of a day that has no earlier days to be compared with."""


def days_of(start_ds: date, end_ds: date) -> list[date]:
    """Every calendar day of [start_ds, end_ds]."""
    return [start_ds + timedelta(days=n) for n in range((end_ds - start_ds).days + 1)]


def over_largest(per_day: Mapping[date, float], day: date) -> float:
    """The day's number / the largest of the week before."""
    return _ratio(per_day.get(day, 0.0), max(_week_before(per_day, day), default=0.0))


def over_mean(per_day: Mapping[date, float], day: date) -> float:
    """The day's number / the mean of the days of the week before that are present."""
    week = _week_before(per_day, day)
    return _ratio(per_day.get(day, 0.0), fmean(week) if week else 0.0)


def over_median(
    per_day: Mapping[date, float],
    day: date,
    first_day: date | None = None,
    closed_weekdays: Collection[str] = (),
    closed_days: Collection[date] = (),
) -> float:
    """The day's number / the median of the open days of the week before; a closed day compares as 1.

    An absent day counts as 0, unless it lies before `first_day`, when there was no data yet.
    """
    if is_closed(day, closed_weekdays, closed_days):
        return NOTHING_TO_COMPARE
    earlier = [day - timedelta(days=n) for n in range(1, WEEK_DAYS + 1)]
    known = [d for d in earlier if first_day is not None and d >= first_day]
    week = [per_day.get(d, 0.0) for d in known if not is_closed(d, closed_weekdays, closed_days)]
    return _ratio(per_day.get(day, 0.0), median(week) if week else 0.0)


def open_days_after(
    newest_day: date | None,
    day: date,
    closed_weekdays: Collection[str] = (),
    closed_days: Collection[date] = (),
) -> int:
    """How many open days of (newest_day, day] have no data yet; 1 when there is no data at all."""
    if newest_day is None:
        return 1
    late = days_of(newest_day + timedelta(days=1), day) if newest_day < day else []
    return sum(not is_closed(d, closed_weekdays, closed_days) for d in late)


def is_closed(day: date, closed_weekdays: Collection[str], closed_days: Collection[date]) -> bool:
    """Whether no activity is normal on that day."""
    return WEEKDAYS[day.weekday()] in closed_weekdays or day in closed_days


def _week_before(per_day: Mapping[date, float], day: date) -> list[float]:
    earlier = (day - timedelta(days=n) for n in range(1, WEEK_DAYS + 1))
    return [per_day[d] for d in earlier if d in per_day]


def _ratio(value: float, base: float) -> float:
    return value / base if base > 0 else NOTHING_TO_COMPARE
