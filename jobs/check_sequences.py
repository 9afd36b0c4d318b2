"""Check the sequences of a day range, and the facts behind them, before anything is scored.

Reads features.sequences, facts.advertiser_daily and quarantine.advertiser_daily; writes ops.check_results
and the Data Docs below REPORT/data_docs/sequences. Ends with status 3 when a promise is broken.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.arguments import add_report_argument
from jobs.common.check_results import refuse_failures, write_verdicts
from jobs.common.expectations import Promise, at_least, at_most, preload, validate
from jobs.common.job import JobContext, run_job
from jobs.common.settings import WINDOWS_DAYS, Settings
from jobs.transforms.daily_profile import WINDOW_SUMS, profile_sequences
from jobs.transforms.fact_rules import SUPERSEDED
from jobs.transforms.week_before import WEEK_DAYS, days_of, open_days_after, over_largest, over_median

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
    figures = sequence_figures(context)
    for day, more in facts_figures(context).items():
        figures[day].update(more)
    verdicts = validate(context.spark, "sequences", promises(context.settings), figures, context.args.report)
    context.counts.rows_in = int(sum(figure["rows"] for figure in figures.values()))
    context.counts.rows_out = len(verdicts)
    write_verdicts(context.warehouse, "check_sequences", verdicts)
    refuse_failures(verdicts)


def sequence_figures(context: JobContext) -> Figures:
    """Figures of features.sequences per day; a day without rows has 0 everywhere."""
    settings, columns = context.settings, array_lengths(context.settings)
    table = context.warehouse.read_days("features.sequences", context.start_ds, context.end_ds)
    profile = profile_sequences(table, columns, list(settings.columns.profile))
    found = {row["ds"]: row.asDict() for row in profile.collect()}
    empty = dict.fromkeys(profile.columns, 0.0)
    pairs = rows_per_day(context, "features.sequences")
    figures: Figures = {}
    for day in days_of(context.start_ds, context.end_ds):
        figures[day] = {**found.get(day, empty), "pairs_over_last_week": over_largest(pairs, day)}
    return figures


def facts_figures(context: JobContext) -> Figures:
    """Figures of the facts and their rejected rows per day."""
    checks = context.settings.checks
    closed = (checks.closed_weekdays, checks.closed_days)
    facts, rejected = (
        rows_per_day(context, "facts.advertiser_daily"),
        rows_per_day(context, "quarantine.advertiser_daily"),
    )
    span = context.warehouse.read("facts.advertiser_daily").agg(F.min("ds"), F.max("ds")).first() or (
        None,
        None,
    )
    figures: Figures = {}
    for day in days_of(context.start_ds, context.end_ds):
        rows = facts.get(day, 0) + rejected.get(day, 0)
        figures[day] = {
            "activity_over_last_week": over_median(facts, day, span[0], *closed),
            "quarantine_share": rejected.get(day, 0) / rows if rows else 0.0,
            "days_behind": open_days_after(span[1], day, *closed),
        }
    return figures


def rows_per_day(context: JobContext, table: str) -> dict[date, int]:
    """Rows of each day of the range and of the week before it; absent days are left out."""
    return _count_by_day(_days_and_week_before(context, table))


def rejected_per_day(context: JobContext) -> dict[date, int]:
    """Quarantined rows of each day; an older version of a corrected row is no fault of the source."""
    rows = _days_and_week_before(context, "quarantine.advertiser_daily")
    return _count_by_day(rows.where(~F.array_contains("dq_errors", SUPERSEDED)))


def _days_and_week_before(context: JobContext, table: str) -> DataFrame:
    return context.warehouse.read_days(table, context.start_ds - timedelta(days=WEEK_DAYS), context.end_ds)


def _count_by_day(rows: DataFrame) -> dict[date, int]:
    return {row["ds"]: row["count"] for row in rows.groupBy("ds").count().collect()}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    return run_job("check_sequences", check, __doc__, argv, add_report_argument)


if __name__ == "__main__":
    sys.exit(main())
