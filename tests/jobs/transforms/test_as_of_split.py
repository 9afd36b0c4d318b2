"""8:1:1 by as-of day, with a gap that keeps every label out of the next part."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from jobs.transforms.as_of_split import AsOfSplit, DayRange, check_gaps, split_days

FIRST = date(2026, 2, 9)


def days(part: DayRange) -> int:
    return (part.end - part.start).days + 1


@pytest.mark.parametrize("length", [29, 74, 365])
def test_the_parts_are_eight_to_one_to_one_and_pass_their_own_check(length: int) -> None:
    last = FIRST + timedelta(days=length - 1)
    split = split_days(FIRST, last, horizon_days=7)
    assert split.test is not None
    assert (split.train.start, split.test.end) == (FIRST, last)
    part = max(1, round((length - 26) / 10))
    assert (days(split.train), days(split.valid), days(split.test)) == (length - 26 - 2 * part, part, part)
    check_gaps(split, horizon_days=7)


def test_online_retail_split_of_the_anchors_is_allowed() -> None:
    check_gaps(
        AsOfSplit(
            DayRange(date(2011, 1, 30), date(2011, 9, 6)),
            DayRange(date(2011, 9, 22), date(2011, 10, 2)),
            DayRange(date(2011, 10, 17), date(2011, 11, 10)),
        ),
        horizon_days=7,
    )


def test_a_gap_one_day_too_short_is_refused_with_the_first_day_allowed() -> None:
    train = DayRange(date(2026, 1, 1), date(2026, 1, 31))
    good = AsOfSplit(train, DayRange(date(2026, 2, 14), date(2026, 2, 20)), None)
    check_gaps(good, horizon_days=7)
    short = AsOfSplit(train, DayRange(date(2026, 2, 13), date(2026, 2, 20)), None)
    with pytest.raises(ValueError, match=r"valid starts on 2026-02-13.*first day allowed is 2026-02-14"):
        check_gaps(short, horizon_days=7)


def test_a_range_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 29 days"):
        split_days(FIRST, FIRST + timedelta(days=27), horizon_days=7)
