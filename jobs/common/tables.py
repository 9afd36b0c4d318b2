"""Every Delta table that the jobs write, and how the rows of those lie that readers take in order."""

from __future__ import annotations

from dataclasses import dataclass

ROW_GROUP_BYTES_OF_SAMPLES = 4 * 2**20  # as build_samples writes them: training reads row group by row group

# Replaced by the next evaluation of the same models or studies, and of no use to any other job.
EVALUATION_TABLES = (
    "evaluation.predictions",
    "evaluation.metrics",
    "evaluation.runs",
    "evaluation.comparisons",
    "evaluation.calibration",
    "evaluation.studies",
    "evaluation.long_samples",
)
TABLES = (
    "facts.advertiser_daily",
    "facts.advertiser_profile",
    "facts.scenario",
    "facts.pairs",
    "quarantine.advertiser_daily",
    "quarantine.advertiser_profile",
    "features.sequences",
    "features.samples",
    "scores.advertiser_scores",
    "engagement.candidates",
    "engagement.rewarded_task",
    "engagement.push_message",
    "ops.published_days",
    "ops.check_results",
    "ops.job_runs",
    "ops.input_days",
    "ops.feature_days",
    *EVALUATION_TABLES,
)
# The others have no days, or a reader needs their oldest row: the newest profile of a pair may be years old.
KEPT_WHOLE = (
    "facts.advertiser_profile",
    "facts.scenario",
    "facts.pairs",
    "ops.published_days",
    "ops.job_runs",
    "ops.input_days",
    "ops.feature_days",
    *EVALUATION_TABLES,
)
TABLES_WITH_RETENTION = tuple(table for table in TABLES if table not in KEPT_WHOLE)


@dataclass(frozen=True)
class RowOrder:
    """Columns by which the rows of a day are sorted within a file, and the size of its row groups (None: Parquet's)."""

    columns: tuple[str, ...]
    row_group_bytes: int | None = None


def row_orders(knowledge_columns: tuple[str, ...]) -> dict[str, RowOrder]:
    """The tables whose order is a promise: scoring meets a knowledge row's pairs together, training reads in order."""
    samples = RowOrder(("advertiser_id", "scenario_id"), ROW_GROUP_BYTES_OF_SAMPLES)
    return {
        "features.sequences": RowOrder((*knowledge_columns, "advertiser_id")),
        "features.samples": samples,
    }
