"""What a day of a table looks like, as one row of counts; the checks compare these with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

KEY = ("advertiser_id", "scenario_id")
WINDOW_SUMS = "advertiser_window_sums"


def profile_sequences(
    sequences: DataFrame, lengths: dict[str, int], profile_columns: Sequence[str]
) -> DataFrame:
    """One row per ds of features.sequences, from one pass over it.

    `lengths` maps every array column to the length it must have.
    Columns: rows, duplicate_keys, null_keys, eligible_pairs, missing_profile_share (no profile column is
    known), and for each array column <column>_wrong_length and <column>_wrong_value, counts of rows.
    """
    no_profile = _all([F.col(name).isNull() for name in profile_columns])
    arrays: list[Column] = []
    for name, length in lengths.items():
        arrays.append(_rows(F.coalesce(F.size(name), F.lit(-1)) != length).alias(f"{name}_wrong_length"))
        arrays.append(_rows(_wrong_values(name)).alias(f"{name}_wrong_value"))
    return sequences.groupBy("ds").agg(
        F.count(F.lit(1)).alias("rows"),
        (F.count(F.lit(1)) - F.count_distinct(F.struct(*KEY))).alias("duplicate_keys"),
        _rows(_any([F.col(name).isNull() for name in KEY])).alias("null_keys"),
        _rows(F.col("eligible")).alias("eligible_pairs"),
        F.avg(no_profile.cast("double")).alias("missing_profile_share"),
        *arrays,
    )


def profile_scores(
    scores: DataFrame, predictions: Sequence[str], active_days: str, horizon_days: int
) -> DataFrame:
    """One row per ds of scores.advertiser_scores, from one pass over it.

    `active_days` is the prediction column that counts active days of the next `horizon_days`.
    Columns: rows, null_keys, wrong_active_rates, wrong_probabilities, <active_days>_over_horizon (it or a quantile of
    it), models, missing_model, and for each prediction column <column>_wrong_value (rows that are null, NaN, infinite
    or negative), <column>_mean (of the other rows) and <column>_wrong_interval.
    """
    values: list[Column] = []
    for name in predictions:
        wrong = _wrong_number(F.col(name))
        values.append(_rows(wrong).alias(f"{name}_wrong_value"))
        values.append(F.coalesce(F.avg(F.when(~wrong, F.col(name))), F.lit(0.0)).alias(f"{name}_mean"))
        values.append(_rows(_wrong_interval(name)).alias(f"{name}_wrong_interval"))
    rate, probability = F.col("predicted_active_rate"), F.col("probability_active")
    told = probability.isNotNull()
    active_parts = [F.col(active_days), *_quantiles(active_days)]
    return scores.groupBy("ds").agg(
        F.count(F.lit(1)).alias("rows"),
        _rows(_any([F.col(name).isNull() for name in KEY])).alias("null_keys"),
        _rows(_wrong_number(rate) | (rate > 1)).alias("wrong_active_rates"),
        _rows(told & (_wrong_number(probability) | (probability > 1))).alias("wrong_probabilities"),
        _rows(_any([part > horizon_days for part in active_parts])).alias(f"{active_days}_over_horizon"),
        F.size(F.collect_set("model_sha256")).alias("models"),
        _rows(F.col("model_sha256").isNull()).alias("missing_model"),
        *values,
    )


def match_pairs(scores: DataFrame, sequences: DataFrame) -> DataFrame:
    """One row per ds: missing_pairs (built, not scored), unexpected_pairs, duplicate_keys."""
    scored, built = F.sum("scored"), F.sum("built")
    both = _marked(scores, scored=1, built=0).unionByName(_marked(sequences, scored=0, built=1))
    pairs = both.groupBy("ds", *KEY).agg(scored.alias("scored"), built.alias("built"))
    return pairs.groupBy("ds").agg(
        _rows(F.col("scored") == 0).alias("missing_pairs"),
        _rows(F.col("built") == 0).alias("unexpected_pairs"),
        F.sum(F.greatest(F.col("scored") - 1, F.lit(0))).alias("duplicate_keys"),
    )


def _marked(table: DataFrame, scored: int, built: int) -> DataFrame:
    return table.select("ds", *KEY, F.lit(scored).alias("scored"), F.lit(built).alias("built"))


def _wrong_values(name: str) -> Column:
    """An element is null, NaN, infinite or negative.

    array_min and array_max are compiled, a lambda over every element is not: about five times slower.
    """
    largest, smallest = F.array_max(name), F.array_min(name)
    # array_contains answers null exactly when the value is absent and an element is null.
    null_element = F.col(name).isNotNull() & F.array_contains(name, F.lit(-1.0).cast("float")).isNull()
    return F.isnan(largest) | (largest == float("inf")) | (smallest < 0) | null_element


def _wrong_number(value: Column) -> Column:
    return value.isNull() | F.isnan(value) | (value == float("inf")) | (value < 0)


def _wrong_interval(name: str) -> Column:
    """p10 <= median <= p90 does not hold, one of them is no number from 0 on, or only some are null."""
    parts = low, middle, high = _quantiles(name)
    wrong = _any([_wrong_number(part) for part in parts]) | (low > middle) | (middle > high)
    return _any([part.isNotNull() for part in parts]) & wrong


def _quantiles(name: str) -> list[Column]:
    return [F.col(f"{name}_{part}") for part in ("p10", "median", "p90")]


def _rows(condition: Column) -> Column:
    return F.count(F.when(condition, True))


def _any(conditions: Sequence[Column]) -> Column:
    return reduce(Column.__or__, conditions)


def _all(conditions: Sequence[Column]) -> Column:
    return reduce(Column.__and__, conditions)
