"""facts -> features.samples: sequences of eligible pairs with the labels of the next 7 days, for training.

Only as-of days whose label days are complete are written: the last is the newest day of facts minus the horizon.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta

from jobs.common.arguments import as_count
from jobs.common.feature_build import FeatureBuild
from jobs.common.freshness import FeatureInputs, stale_days
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.session import session_conf
from jobs.common.tables import ROW_GROUP_BYTES_OF_SAMPLES, row_orders
from jobs.transforms.week_before import days_of

SAMPLES = "features.samples"


def build(context: JobContext) -> None:
    """Replace the as-of days of features.samples."""
    warehouse, settings = context.warehouse, context.settings
    inputs = FeatureInputs.read(warehouse, settings)
    end_days = _end_days(context, inputs)
    build_of = FeatureBuild(inputs, tuple(end_days), with_labels=True)
    rows = build_of.rows(warehouse, settings)
    days = [(context.start_ds, context.end_ds)]
    # In order within a file: training takes rows as they lie there, and a rebuild must not change what it gives.
    files = rows.sortWithinPartitions("ds", *row_orders(settings.knowledge_columns)[SAMPLES].columns)
    # Training reads row group by row group in random order: small ones are shuffled better and fit in memory. Delta
    # passes no Parquet options of a writer on, so it is an option of the session for as long as the write takes.
    row_groups = {"parquet.block.size": str(ROW_GROUP_BYTES_OF_SAMPLES)}
    with session_conf(context.spark, row_groups), context.step(f"write {SAMPLES}"):
        build_of.replace(context, files, SAMPLES, days)
    stale = stale_days(warehouse, inputs, SAMPLES, with_labels=True)
    if stale:
        print(
            f"build_samples: {len(stale)} as-of days, {stale[0]} to {stale[-1]}, are stale: their facts changed since",
            file=sys.stderr,
        )
    context.counts.rows_out = warehouse.read_days(SAMPLES, context.start_ds, context.end_ds).count()


def _end_days(context: JobContext, inputs: FeatureInputs) -> list[date]:
    """Every N-th day of the range whose label days are complete."""
    newest = max((day for day, figures in inputs.facts.items() if figures.rows), default=None)
    last_complete = newest - timedelta(days=inputs.horizon_days) if newest else None
    if last_complete is None or last_complete < context.start_ds:
        raise DataCheckError(
            f"no as-of day of {context.start_ds}..{context.end_ds} has {inputs.horizon_days} complete label days; "
            f"the newest day of facts is {newest}"
        )
    end_ds = min(context.end_ds, last_complete)
    if end_ds < context.end_ds:
        print(f"build_samples: labels are complete up to {end_ds}; later days are left out", file=sys.stderr)
    return days_of(context.start_ds, end_ds)[:: context.args.every_days]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments beyond those of every job."""
    parser.add_argument(
        "--every-days",
        type=as_count,
        default=1,
        metavar="N",
        help="as-of days --start-ds, + N, + 2N, ... only; neighbouring days share most of their history (default 1)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("build_samples", build, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
