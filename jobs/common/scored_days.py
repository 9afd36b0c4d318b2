"""Which days are scored already from the same sequences by the same model; they need not be scored again.

What a day was scored from is recorded in ops.feature_days beside what its sequences were built from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

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


def scored_already(warehouse: Warehouse, inputs: Mapping[date, str], days: Collection[date]) -> list[date]:
    """Those of `days` whose scores were computed from `inputs` and are still there, as many as there are sequences."""
    recorded = recorded_inputs(warehouse, SCORES)
    same = [day for day in days if day in inputs and recorded.get(day) == inputs[day]]
    if not same or not warehouse.exists(SCORES):
        return []
    rows, scores = (_rows_by_day(warehouse, table, same) for table in (SEQUENCES, SCORES))
    return [day for day in same if rows.get(day) == scores.get(day)]


def _rows_by_day(warehouse: Warehouse, table: str, days: Collection[date]) -> dict[date, int]:
    counted = warehouse.read_ranges(table, day_ranges(days)).groupBy("ds").count()
    return {row["ds"]: row["count"] for row in counted.collect()}
