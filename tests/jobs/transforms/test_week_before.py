"""Ratios against the week before, by hand."""

from __future__ import annotations

from datetime import date

import pytest

from jobs.transforms.week_before import days_of, open_days_after, over_largest, over_mean, over_median

MONDAY, TUESDAY, SATURDAY = date(2026, 4, 13), date(2026, 4, 14), date(2026, 4, 18)
WEEK = dict(zip(days_of(date(2026, 4, 6), MONDAY), [10, 20, 30, 40, 50, 60, 70, 35], strict=True))


def test_a_day_is_compared_with_the_seven_days_before_it_alone() -> None:
    assert over_largest(WEEK | {date(2026, 4, 5): 1000}, MONDAY) == 0.5
    assert over_mean(WEEK | {date(2026, 4, 5): 1000}, MONDAY) == 35 / 40
    assert over_median(WEEK, MONDAY, first_day=date(2026, 1, 1)) == 35 / 40


def test_an_absent_day_has_no_activity_at_all() -> None:
    assert over_median(WEEK, TUESDAY, first_day=date(2026, 1, 1)) == 0


def test_a_week_without_activity_counts_as_zeros_once_there_was_data() -> None:
    one_day = {date(2026, 4, 6): 10, MONDAY: 1}
    assert over_median(one_day, MONDAY, first_day=date(2026, 4, 6)) == 1.0
    assert over_median(one_day, date(2026, 4, 7), first_day=date(2026, 4, 6)) == 0.0


@pytest.mark.parametrize("compare", [over_largest, over_mean, over_median])
def test_the_first_day_has_nothing_to_compare_with(compare) -> None:  # type: ignore[no-untyped-def]
    assert compare({MONDAY: 5}, MONDAY) == 1.0


def test_closed_days_are_exempt_and_not_part_of_the_median() -> None:
    first, closed = date(2026, 1, 1), ("SAT", "SUN")
    assert over_median(WEEK, SATURDAY, first, closed) == 1.0
    assert over_median(WEEK, TUESDAY, first, (), (TUESDAY,)) == 1.0
    assert over_median(WEEK, MONDAY, first, closed) == 35 / 30


def test_only_open_days_count_as_late() -> None:
    assert open_days_after(MONDAY, MONDAY) == 0
    assert open_days_after(MONDAY, date(2026, 4, 16)) == 3
    assert open_days_after(date(2026, 4, 17), SATURDAY, closed_weekdays=("SAT",)) == 0
    assert open_days_after(None, MONDAY) == 1
