"""Check the sequences of a day range, and the facts behind them, before anything is scored.

Reads features.sequences, facts.advertiser_daily and quarantine.advertiser_daily; writes ops.check_results
and the Data Docs below REPORT/data_docs/sequences. Ends with status 3 when a promise is broken.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.arguments import add_report_argument
from jobs.common.check_results import refuse_failures, write_verdicts
from jobs.common.expectations import Promise, at_least, at_most, preload, validate
from jobs.common.job import JobContext, run_job
from jobs.common.settings import Settings
from jobs.common.settings_sections import WINDOWS_DAYS, Checks
from jobs.common.side_by_side import side_by_side
from jobs.transforms.daily_profile import WINDOW_SUMS, profile_sequences
from jobs.transforms.fact_rules import SUPERSEDED
from jobs.transforms.week_before import WEEK_DAYS, days_of, open_days_after, over_largest, over_median

SEQUENCES, FACTS, QUARANTINE = (
    "features.sequences",
    "facts.advertiser_daily",
    "quarantine.advertiser_daily",
)
Figures = dict[date, dict[str, float]]


def promises(settings: Settings) -> list[Promise]:
    """The suite: what must hold for every day of sequences."""
    checks = settings.checks
    arrays: list[Promise] = []
    for name, length in array_lengths(settings).items():
        arrays.append(at_most(f"{name}_wrong_length", 0, f"every array of {name} holds {length} values"))
        arrays.append(
            at_most(f"{name}_wrong_value", 0, f"every value of {name} is a finite number, not negative")
        )
    return [
        at_least("rows", 1, "every day has sequences"),
        at_most("duplicate_keys", 0, "a pair comes once a day"),
        at_most("null_keys", 0, "every row has its key"),
        at_least("eligible_pairs", 1, "some pairs were active within their history"),
        at_most("missing_profile_share", checks.max_missing_profile_share, "few pairs lack a profile"),
        at_least(
            "pairs_over_last_week", checks.min_pairs_over_last_week, "pairs do not vanish against last week"
        ),
        at_least(
            "activity_over_last_week", checks.min_activity_over_last_week, "the day's facts arrived in full"
        ),
        at_most("quarantine_share", checks.max_quarantine_share, "few source rows were rejected"),
        at_most("days_behind", 0, "the newest facts are of the day itself"),
        *arrays,
    ]


def array_lengths(settings: Settings) -> dict[str, int]:
    """Every array column of features.sequences and the length it must have."""
    columns = settings.columns.sequences
    return {**dict.fromkeys(columns, settings.history_days), WINDOW_SUMS: len(WINDOWS_DAYS) * len(columns)}


def check(context: JobContext) -> None:
    """Compare every day's figures with the promises; raises DataCheckError naming what is broken."""
    preload()
    figures = daily_figures(context)
    verdicts = validate(context.spark, "sequences", promises(context.settings), figures, context.args.report)
    context.counts.rows_in = int(sum(figure["rows"] for figure in figures.values()))
    context.counts.rows_out = len(verdicts)
    write_verdicts(context.warehouse, "check_sequences", verdicts)
    refuse_failures(verdicts)


def daily_figures(context: JobContext) -> Figures:
    """Figures of the sequences and of the facts behind them per day; a day without rows has 0 everywhere."""
    settings, columns = context.settings, array_lengths(context.settings)
    table = context.warehouse.read_days(SEQUENCES, context.start_ds, context.end_ds)
    profile = profile_sequences(table, columns, list(settings.columns.profile))
    rows, per_day, span = side_by_side(
        context.spark, profile.collect, lambda: rows_per_day(context), lambda: days_with_facts(context)
    )
    found = {row["ds"]: row.asDict() for row in rows}
    empty = dict.fromkeys(profile.columns, 0.0)
    figures: Figures = {}
    for day in days_of(context.start_ds, context.end_ds):
        figures[day] = {
            **found.get(day, empty),
            "pairs_over_last_week": over_largest(per_day[SEQUENCES], day),
            **facts_figures(day, per_day[FACTS], per_day[QUARANTINE], span, settings.checks),
        }
    return figures


def facts_figures(
    day: date,
    facts: dict[date, int],
    rejected: dict[date, int],
    span: tuple[date | None, date | None],
    checks: Checks,
) -> dict[str, float]:
    """Figures of one day's facts and rejected rows; `span` is the first and the newest day with facts."""
    closed = (checks.closed_weekdays, checks.closed_days)
    rows = facts.get(day, 0) + rejected.get(day, 0)
    return {
        "activity_over_last_week": over_median(facts, day, span[0], *closed),
        "quarantine_share": rejected.get(day, 0) / rows if rows else 0.0,
        "days_behind": open_days_after(span[1], day, *closed),
    }


def rows_per_day(context: JobContext) -> dict[str, dict[date, int]]:
    """Table -> day -> rows, for the range and the week before it, from one query; absent days are left out.

    An older version of a corrected row, though quarantined, is no fault of the source and does not count.
    """
    first = context.start_ds - timedelta(days=WEEK_DAYS)
    tables = {
        name: context.warehouse.read_days(name, first, context.end_ds)
        for name in (SEQUENCES, FACTS, QUARANTINE)
    }
    tables[QUARANTINE] = tables[QUARANTINE].where(~F.array_contains("dq_errors", SUPERSEDED))
    days = [rows.select("ds", F.lit(name).alias("source")) for name, rows in tables.items()]
    counted = reduce(DataFrame.unionByName, days).groupBy("source", "ds").count().collect()
    return {name: {r["ds"]: r["count"] for r in counted if r["source"] == name} for name in tables}


def days_with_facts(context: JobContext) -> tuple[date | None, date | None]:
    """The first and the newest day of the facts; None for both when there are none."""
    first, newest = context.warehouse.read(FACTS).agg(F.min("ds"), F.max("ds")).collect()[0]
    return first, newest


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    return run_job("check_sequences", check, __doc__, argv, add_report_argument)


if __name__ == "__main__":
    sys.exit(main())
