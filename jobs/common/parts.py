"""A job's train, valid and test parts: their as-of days, named on the command line or split 8:1:1, and their rows."""

from __future__ import annotations

import argparse
from datetime import date

from jobs.common.arguments import ArgumentError, as_date
from jobs.common.job import DataCheckError
from jobs.common.sample_source import DeltaSamples
from jobs.transforms.as_of_split import AsOfSplit, DayRange, check_gaps, split_days
from m2m import FeatureSpec

SAMPLES = "features.samples"
PARTS = ("train", "valid", "test")


def add_part_arguments(parser: argparse.ArgumentParser) -> None:
    """--train-start-ds, --train-end-ds and the same of valid and test."""
    for part in PARTS:
        for end in ("start", "end"):
            parser.add_argument(
                f"--{part}-{end}-ds", type=as_date, metavar="YYYY-MM-DD", help=f"as-of days of {part}"
            )


def days_of_parts(args: argparse.Namespace) -> tuple[date | None, date | None]:
    """First day of train and last day of test, for a job whose days follow from its parts."""
    return args.train_start_ds, args.test_end_ds


def split_of(args: argparse.Namespace, horizon_days: int) -> AsOfSplit:
    """The parts that the arguments name, else --start-ds .. --end-ds split 8:1:1.

    Raises ArgumentError when a part lacks its first or last day, when train is named without valid, or when a part
    starts less than `horizon_days` after the last label day of the part before.
    """
    try:
        given = {name: _range(args, name) for name in PARTS}
        if given["train"] and given["valid"]:
            split = AsOfSplit(given["train"], given["valid"], given["test"])
        elif any(given.values()):
            raise ValueError("train and valid days go together: name both, or neither")
        else:
            split = split_days(args.start_ds, args.end_ds, horizon_days)
        check_gaps(split, horizon_days)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    return split


def open_part(uri: str, days: DayRange, spec: FeatureSpec, max_rows: int | None = None) -> DeltaSamples:
    """The rows of one part in the table of samples at `uri`, thinned to about `max_rows`.

    Raises DataCheckError when there is none, ValueError as `DeltaSamples.open`.
    """
    part = DeltaSamples.open(uri, days.start, days.end, spec, max_rows)
    if not part.pieces:
        raise DataCheckError(f"{SAMPLES} has no row for {days}; run build_samples for these days first")
    return part


def _range(args: argparse.Namespace, part: str) -> DayRange | None:
    start: date | None = getattr(args, f"{part}_start_ds")
    end: date | None = getattr(args, f"{part}_end_ds")
    if start is None and end is None:
        return None
    if start is None or end is None or start > end:
        raise ValueError(
            f"--{part}-start-ds is {start} and --{part}-end-ds is {end}; expected first and last day"
        )
    return DayRange(start, end)
