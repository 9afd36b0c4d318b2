"""facts -> features.sequences: 40-day sequences of every pair ever seen, for each day --start-ds .. --end-ds.

One pass over the facts whatever the range; each day sees only what was known on that day. Earlier days whose facts were
corrected after they were built are told, and built again with --stale-days.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame

from jobs.common.arguments import as_count
from jobs.common.feature_build import FeatureBuild
from jobs.common.freshness import FeatureInputs, stale_days
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.settings import Settings
from jobs.common.tables import row_orders
from jobs.common.warehouse import day_ranges, every_day

SEQUENCES = "features.sequences"


def build(context: JobContext) -> None:
    """Replace the days of features.sequences, and as many stale ones as asked for, in one commit."""
    warehouse, settings = context.warehouse, context.settings
    inputs = FeatureInputs.read(warehouse, settings)
    if not any(day <= context.end_ds for day in inputs.pairs):
        raise DataCheckError(
            f"no pair was seen up to {context.end_ds}; run ingest_facts for earlier days first"
        )
    wanted = every_day(context.start_ds, context.end_ds)
    stale = [day for day in stale_days(warehouse, inputs, SEQUENCES) if day not in set(wanted)]
    build_of = FeatureBuild(inputs, tuple(sorted([*_newest(stale, context.args.stale_days), *wanted])))
    ranges = day_ranges(build_of.end_days)
    with context.step(f"write {SEQUENCES}"):
        rows = in_scoring_order(build_of.rows(warehouse, settings), settings)
        build_of.replace(warehouse, rows, SEQUENCES, ranges)
    build_of.record(context, SEQUENCES, ranges)
    context.counts.rows_out = warehouse.read_ranges(SEQUENCES, ranges).count()


def _newest(stale: list[date], most: int | None) -> list[date]:
    """The stale days to build again, the newest first; says what is done and what is left."""
    chosen = stale[len(stale) - min(most or 0, len(stale)) :]
    left = stale[: len(stale) - len(chosen)]
    if chosen:
        told = ", ".join(map(str, chosen))
        print(
            f"build_sequences: facts changed since these days were built; built again: {told}",
            file=sys.stderr,
        )
    if left:
        print(
            f"build_sequences: {len(left)} built days are stale, {left[0]} to {left[-1]}: their facts changed since; "
            f"--stale-days {len(stale)} builds them again",
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
