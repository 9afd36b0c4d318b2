"""Which days are scored already from the same sequences by the same model; they need not be scored again.

What a day was scored from is recorded in ops.feature_days beside what its sequences were built from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from pyspark.sql import functions as F

from jobs.common.freshness import digest, recorded_inputs
from jobs.common.model_registry import RegisteredBundle
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse, day_ranges

SEQUENCES, SCORES = "features.sequences", "scores.advertiser_scores"
# Raise it when the same sequences and the same bundle give other rows: every scored day is then scored again.
SCORE_FORMAT = 1


def score_inputs(warehouse: Warehouse, registered: RegisteredBundle, settings: Settings) -> dict[date, str]:
    """Digest of what the scores of each day depend on; none for a day of which nobody knows what it was built from."""
    model = [registered.version, registered.sha256, settings.scoring.model_dump(), SCORE_FORMAT]
    limit = settings.checks.max_predicted_over_training_mean
    built = recorded_inputs(warehouse, SEQUENCES)
    return {day: digest([of_sequences, model, limit]) for day, of_sequences in built.items()}


def scored_already(
    warehouse: Warehouse, inputs: Mapping[date, str], days: Collection[date], registered: RegisteredBundle
) -> list[date]:
    """Those of `days` whose scores were computed from `inputs` and are still there: as many as there are sequences, and
    all of them by the registered model."""
    recorded = recorded_inputs(warehouse, SCORES)
    same = [day for day in days if day in inputs and recorded.get(day) == inputs[day]]
    if not same or not warehouse.exists(SCORES):
        return []
    sequences, scores = (
        warehouse.read_ranges(table, day_ranges(same)).groupBy("ds") for table in (SEQUENCES, SCORES)
    )
    rows = {row["ds"]: row["count"] for row in sequences.count().collect()}
    ours = (F.col("model_version") == registered.version) & (F.col("model_sha256") == registered.sha256)
    by_the_model = F.count_if(ours).alias("ours")
    found = {row["ds"]: row for row in scores.agg(F.count("*").alias("rows"), by_the_model).collect()}
    return [day for day in same if day in found and rows.get(day) == found[day]["rows"] == found[day]["ours"]]
