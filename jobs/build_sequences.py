"""facts -> features.sequences: 40-day sequences of every pair ever seen, for each day --start-ds .. --end-ds.

One pass over the facts whatever the range; each day sees only what was known on that day. Earlier days whose facts were
corrected after they were built are told, and built again with --stale-days.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.arguments import as_count
from jobs.common.check_results import SUITES, forget_verdicts
from jobs.common.feature_build import FeatureBuild
from jobs.common.freshness import FeatureInputs, stale_days
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.settings import Settings
from jobs.common.tables import row_orders
from jobs.common.warehouse import day_ranges
from jobs.transforms.week_before import days_of

SEQUENCES = "features.sequences"


def build(context: JobContext) -> None:
    """Replace the days of features.sequences; then, in a commit of their own, as many stale days as asked for."""
    warehouse, settings = context.warehouse, context.settings
    inputs = FeatureInputs.read(warehouse, settings)
    if not any(day <= context.end_ds for day in inputs.pairs):
        raise DataCheckError(
            f"no pair was seen up to {context.end_ds}; run ingest_facts for earlier days first"
        )
    stale = stale_days(warehouse, inputs, SEQUENCES)
    wanted = days_of(context.start_ds, context.end_ds)
    rows_out = _build_days(context, FeatureBuild(inputs, tuple(wanted)))
    again = _newest(_that_can_be_built(stale, context, inputs), context)
    if again:
        rows_out += _build_days(context, FeatureBuild(inputs, tuple(again)))
    context.counts.rows_out = rows_out


def _build_days(context: JobContext, build_of: FeatureBuild) -> int:
    """Replace the days and say from what they were built; returns their rows."""
    warehouse, ranges = context.warehouse, day_ranges(build_of.end_days)
    with context.step(f"write {SEQUENCES}"):
        rows = in_scoring_order(build_of.rows(warehouse, context.settings), context.settings)
        # Of the scores too: they were made from, and compared with, the rows that go.
        forget_verdicts(warehouse, SUITES, ranges)
        build_of.replace(context, rows, SEQUENCES, ranges)
    return warehouse.read_ranges(SEQUENCES, ranges).count()


def _that_can_be_built(stale: list[date], context: JobContext, inputs: FeatureInputs) -> list[date]:
    """Without days of this run, days after the newest facts (stale again tomorrow), days whose facts are gone."""
    others = [day for day in stale if not context.start_ds <= day <= context.end_ds]
    known = [day for day, figures in inputs.facts.items() if figures.rows]
    if not others or not known:
        return []
    (oldest,) = context.warehouse.read("facts.advertiser_daily").agg(F.min("ds")).collect()[0]
    if oldest is None:
        return []
    lost = any(day < oldest for day in known)  # by retention
    first = oldest + timedelta(days=inputs.history_days - 1) if lost else date.min
    return [day for day in others if first <= day <= max(known)]


def _newest(stale: list[date], context: JobContext) -> list[date]:
    """The stale days to build again, the newest first; says what is done and what is left.

    Days more than a history before the run's are left as well: one build would make everything between them dense.
    """
    near = context.start_ds - timedelta(days=context.settings.history_days)
    close = [day for day in stale if near <= day <= context.end_ds]
    chosen = close[len(close) - min(context.args.stale_days or 0, len(close)) :]
    left = [day for day in stale if day not in chosen]
    if chosen:
        told = ", ".join(map(str, chosen))
        print(
            f"build_sequences: facts changed since these days were built; built again: {told}",
            file=sys.stderr,
        )
    if left:
        print(
            f"build_sequences: {len(left)} built days are stale, {left[0]} to {left[-1]}: their facts changed since; "
            "build these days again, or give --stale-days (at most history_days before --start-ds)",
            file=sys.stderr,
        )
    return chosen


def in_scoring_order(rows: DataFrame, settings: Settings) -> DataFrame:
    """Within each file, a day's rows by knowledge key: the scorer meets each knowledge row's pairs together, without
    a shuffle."""
    return rows.sortWithinPartitions("ds", *row_orders(settings.knowledge_columns)[SEQUENCES].columns)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments beyond those of every job."""
    parser.add_argument(
        "--stale-days",
        type=as_count,
        metavar="N",
        help="also build again up to N days, the newest, whose facts were corrected since; default: only say how many",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("build_sequences", build, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
