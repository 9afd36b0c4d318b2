"""Command line arguments of every job, validated before Spark starts.

Dates, paths and names come from outside; nothing that is not a plain date, path or name gets past this file.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import NoReturn

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
PATH = re.compile(r"[A-Za-z0-9_./@:+=-]+")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ArgumentError(ValueError):
    """An argument is not of the promised form (exit status 2)."""


def parse_date(text: str) -> date:
    """A calendar day written YYYY-MM-DD, else ArgumentError."""
    if not DATE.fullmatch(text):
        raise ArgumentError(f"{text!r} is not a date; expected YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentError(f"{text!r} is not a day of the calendar: {error}") from error


def parse_path(text: str) -> str:
    """A local path or URI of plain characters without `..` segments, else ArgumentError."""
    if not PATH.fullmatch(text):
        raise ArgumentError(f"{text!r} is not a path; allowed are letters, digits and _ . / @ : + = -")
    if ".." in text.split("/"):
        raise ArgumentError(f"{text!r} is not allowed as a path: it contains '..'")
    return text


def parse_name(text: str) -> str:
    """A short name of letters, digits and . _ -, else ArgumentError."""
    if not NAME.fullmatch(text):
        raise ArgumentError(f"{text!r} is not a name; allowed are letters, digits and . _ - (at most 100)")
    return text


def parse_count(text: str) -> int:
    """A whole number >= 1, else ArgumentError."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentError(f"{text!r} is not a whole number of at least 1")
    return int(text)


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing a page of usage and exiting."""

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(message)


def typed(parse: Callable[[str], object]) -> Callable[[str], object]:
    """argparse shows its own words for a ValueError; keep ours."""

    def convert(text: str) -> object:
        try:
            return parse(text)
        except ArgumentError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


as_date, as_path, as_name, as_count = (
    typed(parse) for parse in (parse_date, parse_path, parse_name, parse_count)
)


def add_report_argument(parser: argparse.ArgumentParser) -> None:
    """--report: the folder for pages that people look at."""
    parser.add_argument(
        "--report",
        type=as_path,
        default=os.environ.get("M2M_REPORT") or "report",
        metavar="PATH",
        help="folder for the pages; default: $M2M_REPORT, then ./report",
    )


OtherDays = Callable[[argparse.Namespace], tuple[date | None, date | None]]
"""First and last day as the arguments of one job tell them, None where they do not."""


def parse_arguments(
    job: str,
    doc: str,
    argv: Sequence[str] | None,
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None,
    other_days: OtherDays | None = None,
) -> argparse.Namespace:
    """Parse what every job takes, plus what `add_arguments` adds.

    other_days: of a job whose days follow from its other arguments where --start-ds or --end-ds is left out.

    Returns a namespace with settings (path or None), warehouse (str), start_ds, end_ds (dates).
    Raises ArgumentError for anything that is not of the promised form, SystemExit(0) for --help.
    """
    parser = _Parser(
        prog=f"jobs/{job}.py",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        epilog=f"example: spark-submit jobs/{job}.py --start-ds 2026-04-01 --end-ds 2026-04-14",
    )
    parser.add_argument(
        "--settings", type=as_path, metavar="FILE", help="settings file; default: jobs/conf/default.yaml"
    )
    parser.add_argument(
        "--warehouse",
        type=as_path,
        metavar="PATH",
        help="root of all tables; default: $M2M_WAREHOUSE, then ./warehouse",
    )
    required = other_days is None
    parser.add_argument(
        "--start-ds", type=as_date, required=required, metavar="YYYY-MM-DD", help="first day, included"
    )
    parser.add_argument(
        "--end-ds", type=as_date, required=required, metavar="YYYY-MM-DD", help="last day, included"
    )
    if add_arguments:
        add_arguments(parser)
    arguments = parser.parse_args(argv)
    if other_days:
        _fill_days(arguments, other_days)
    if arguments.start_ds > arguments.end_ds:
        raise ArgumentError(f"--start-ds {arguments.start_ds} is after --end-ds {arguments.end_ds}")
    arguments.warehouse = arguments.warehouse or parse_path(os.environ.get("M2M_WAREHOUSE") or "warehouse")
    return arguments


def _fill_days(arguments: argparse.Namespace, other_days: OtherDays) -> None:
    start, end = other_days(arguments)
    arguments.start_ds, arguments.end_ds = arguments.start_ds or start, arguments.end_ds or end
    if arguments.start_ds is None or arguments.end_ds is None:
        raise ArgumentError("--start-ds and --end-ds are required where no other argument tells the days")
