"""Which as-of days train, validate and test: 8:1:1 by day, with a gap so that no label is seen twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise


@dataclass(frozen=True)
class DayRange:
    """Days start..end, both included."""

    start: date
    end: date

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"


@dataclass(frozen=True)
class AsOfSplit:
    """The as-of days of the three parts; test may be missing."""

    train: DayRange
    valid: DayRange
    test: DayRange | None


def split_days(start_ds: date, end_ds: date, horizon_days: int) -> AsOfSplit:
    """Split start_ds..end_ds 8:1:1, oldest days first, leaving the gap of `check_gaps` between the parts.

    Raises ValueError when the range is too short to give every part a day.
    """
    gap = 2 * horizon_days - 1
    usable = (end_ds - start_ds).days + 1 - 2 * gap
    if usable < 3:
        raise ValueError(f"{start_ds}..{end_ds} is too short to split; expected at least {2 * gap + 3} days")
    part = max(1, round(usable / 10))
    test = DayRange(end_ds - timedelta(days=part - 1), end_ds)
    valid_end = test.start - timedelta(days=gap + 1)
    valid = DayRange(valid_end - timedelta(days=part - 1), valid_end)
    return AsOfSplit(DayRange(start_ds, valid.start - timedelta(days=gap + 1)), valid, test)


def check_gaps(split: AsOfSplit, horizon_days: int) -> None:
    """Raise ValueError unless each part starts at least `horizon_days` after the last label day of the part before."""
    parts = [("train", split.train), ("valid", split.valid)] + ([("test", split.test)] if split.test else [])
    for (before_name, before), (name, part) in pairwise(parts):
        earliest = before.end + timedelta(days=2 * horizon_days)
        if part.start < earliest:
            raise ValueError(
                f"{name} starts on {part.start}; {before_name} ends on {before.end} and its labels {horizon_days} days "
                f"later, so the first day allowed is {earliest}"
            )
