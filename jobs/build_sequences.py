"""facts -> features.sequences: 40-day sequences of every pair ever seen, for each day --start-ds .. --end-ds.

One pass over the facts whatever the range; each day sees only what was known on that day.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyspark.sql import DataFrame

from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.settings import Settings
from jobs.transforms.sequences import build_sequences

SEQUENCES = "features.sequences"


def build(context: JobContext) -> None:
    """Replace the days of features.sequences."""
    warehouse, settings = context.warehouse, context.settings
    facts = warehouse.read_days("facts.advertiser_daily", settings.calendar.first_day, context.end_ds)
    if facts.isEmpty():
        raise DataCheckError(
            f"no pair was seen up to {context.end_ds}; run ingest_facts for earlier days first"
        )
    profiles = warehouse.read_days("facts.advertiser_profile", settings.calendar.first_day, context.end_ds)
    scenarios = warehouse.read("facts.scenario")
    rows = build_sequences(facts, profiles, scenarios, settings, context.start_ds, context.end_ds)
    warehouse.replace_days(in_scoring_order(rows, settings), SEQUENCES, context.start_ds, context.end_ds)
    context.counts.rows_out = warehouse.read_days(SEQUENCES, context.start_ds, context.end_ds).count()


def in_scoring_order(rows: DataFrame, settings: Settings) -> DataFrame:
    """Files by day, rows by knowledge key: the scorer then meets each knowledge row's pairs together."""
    return rows.hint("rebalance", "ds").sortWithinPartitions(
        "ds", *settings.knowledge_columns, "advertiser_id"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("build_sequences", build, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
