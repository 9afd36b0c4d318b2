"""Names of what a model predicts in scores.advertiser_scores."""

from __future__ import annotations

from collections.abc import Sequence

QUANTILES = ("median", "p10", "p90")
PROBABILITY_ACTIVE = "probability_active"


def prediction_columns(tasks: Sequence[str]) -> tuple[str, ...]:
    """What a model predicts of a row: the tasks' means, their medians and intervals, P(active)."""
    means = [f"predicted_{task}" for task in tasks]
    return (*means, *(f"{mean}_{name}" for mean in means for name in QUANTILES), PROBABILITY_ACTIVE)
