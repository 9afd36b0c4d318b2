"""Write report/index.html: who was selected and why, predicted against actual, the checks and the runs.

One self-contained page about a day range; it needs no network. It reads the Delta tables with DuckDB over
delta-rs, as any SQL consumer would, and starts no Spark: it takes seconds. No job waits for it: leave it out
where delta-rs cannot reach the warehouse.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jobs.common.arguments import ArgumentError, add_report_argument, parse_arguments
from jobs.common.job import ExitStatus
from jobs.common.settings import Settings, SettingsError, load_settings
from jobs.report import queries
from jobs.report.page import render
from jobs.report.page_file import put_page
from jobs.report.queries import ScenarioSelection
from jobs.report.tables import open_tables
from jobs.report.truth import judge

JOB = "build_report"
PAGE = "index.html"


@dataclass(frozen=True)
class Summary:
    """A day range in a few numbers: rows per table, the newest published day by scenario, overall NMAE.

    nmae is (M2M, persistence).
    """

    rows: list[tuple[str, int]]
    published: date | None
    scenarios: list[ScenarioSelection]
    nmae: tuple[float, float] | None


def summary(warehouse_root: str, settings: Settings, start: date, end: date) -> Summary:
    """What the days start..end left in the warehouse.

    `scenarios` is empty when no day of the range is published, `nmae` is None when no scored day has its
    future in the facts. Raises ValueError when the warehouse holds no table.
    """
    database = open_tables(warehouse_root, settings)
    day = queries.newest_published(database, start, end)
    scenarios = queries.selection_by_scenario(database, day.ds) if day else []
    truth = judge(database, settings, start, end)
    rows = queries.rows_per_table(database, start, end)
    return Summary(rows, day.ds if day else None, scenarios, truth.nmae() if truth else None)


def build(warehouse_root: str, settings: Settings, start: date, end: date, report: Path) -> Path:
    """Write the page below the folder `report` and return its path.

    Readers see the old page or the new one, whole. Raises ValueError when the warehouse holds no table.
    """
    page = render(open_tables(warehouse_root, settings), settings, start, end, report)
    return put_page(report, PAGE, page)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status: 0 done, 1 failed, 2 refused arguments or settings."""
    started = time.monotonic()
    try:
        arguments = parse_arguments(JOB, __doc__ or JOB, argv, add_report_argument)
        settings = load_settings(arguments.settings)
    except (ArgumentError, SettingsError) as error:
        return _end(ExitStatus.REFUSED, "refused", error)
    days = arguments.start_ds, arguments.end_ds
    try:
        page = build(arguments.warehouse, settings, *days, Path(arguments.report))
    except Exception as error:  # delta-rs, DuckDB and the file system each have their own
        return _end(ExitStatus.FAILED, "failed", error)
    return _end(
        ExitStatus.DONE, "done", f"{page}, {days[0]}..{days[1]}, in {time.monotonic() - started:.1f} s"
    )


def _end(status: ExitStatus, words: str, message: object) -> ExitStatus:
    text = " ".join(str(message).split()) or type(message).__name__
    print(f"{JOB}: {words}: {text}", file=sys.stderr, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
