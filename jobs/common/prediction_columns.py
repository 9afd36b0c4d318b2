"""Names of what a model predicts in scores.advertiser_scores."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql.types import DoubleType, StructField

QUANTILES = ("median", "p10", "p90")
PROBABILITY_ACTIVE = "probability_active"


def prediction_columns(tasks: Sequence[str]) -> tuple[str, ...]:
    """What a model predicts of a row: the tasks' means, their medians and intervals, P(active)."""
    means = [f"predicted_{task}" for task in tasks]
    return (*means, *(f"{mean}_{name}" for mean in means for name in QUANTILES), PROBABILITY_ACTIVE)


def prediction_fields(tasks: Sequence[str]) -> list[StructField]:
    """The prediction columns as Spark has them: doubles, null where the model has no distribution."""
    return [StructField(name, DoubleType()) for name in prediction_columns(tasks)]
