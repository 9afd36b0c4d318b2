"""Facts -> features.sequences and features.samples, any day range in one pass over the facts.

The facts are grouped by pair and then by advertiser (each only a few kilobytes), and every end day is cut out of one
dense array per pair (`sequence_arrays.py`). Point in time: a row of day ds sees facts and profile snapshots with
day <= ds, and labels see exactly the days ds + 1 .. ds + tau.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from jobs.common.settings import SCENARIO_LEVELS, Settings
from jobs.transforms.scenario_statistics import scenario_statistics, with_scenario_statistics
from jobs.transforms.sequence_arrays import SequencePlan, emit_batches
from jobs.transforms.week_before import days_of

EPOCH = date(1970, 1, 1)
ATTRIBUTE_TYPES: dict[str, DataType] = {
    "string": StringType(),
    "int": IntegerType(),
    "long": LongType(),
    "date": DateType(),
}


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def build_sequences(
    facts: DataFrame,
    profiles: DataFrame,
    scenarios: DataFrame,
    settings: Settings,
    start_ds: date,
    end_ds: date,
    with_labels: bool = False,
    every_days: int = 1,
) -> DataFrame:
    """Sequences of every pair ever seen by its end day (with_labels: of eligible pairs, with labels).

    Args:
        facts: facts.advertiser_daily with every day up to end_ds (with_labels: + horizon_days).
        profiles: facts.advertiser_profile; snapshots after end_ds are ignored.
        scenarios: facts.scenario.
        every_days: take only the end days start_ds, start_ds + every_days, ...

    Returns:
        One row per advertiser x scenario x ds as documented in `sequence_schema`, plus the scenario's attributes.
    """
    plan = SequencePlan.of(settings, day_number(start_ds), day_number(end_ds), with_labels, every_days)
    advertisers = _group_facts(facts, plan).join(_group_profiles(profiles, plan), "advertiser_id", "left")
    schema = sequence_schema(settings, with_labels)
    arrow_schema = to_arrow_schema(schema)

    def emit(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return emit_batches(batches, plan, arrow_schema)

    rows = advertisers.mapInArrow(emit, schema)
    statistics = scenario_statistics(
        facts,
        facts.select("advertiser_id", "scenario_id", F.col("ds").alias("first_ds")),
        settings.active_day_column,
        settings.value_column,
        settings.history_days,
        days_of(start_ds, end_ds)[::every_days],
    )
    return _with_scenario(rows, scenarios, settings, statistics)


def sequence_schema(settings: Settings, with_labels: bool = False) -> StructType:
    """Columns that the dense arrays give, before the scenario's attributes are joined."""
    floats = ArrayType(FloatType(), containsNull=False)
    fields: list[tuple[str, DataType]] = [
        ("advertiser_id", StringType()),
        ("scenario_id", StringType()),
        ("ds", DateType()),
    ]
    fields += [(name, floats) for name in settings.columns.sequences]
    fields += [("advertiser_window_sums", floats)]
    fields += [(name, ATTRIBUTE_TYPES[kind]) for name, kind in settings.columns.profile.items()]
    fields += [("eligible", BooleanType())]
    if with_labels:
        fields += [(f"label_{name}", DoubleType()) for name in settings.task_names]
    return StructType([StructField(name, kind) for name, kind in fields])


def _group_facts(facts: DataFrame, plan: SequencePlan) -> DataFrame:
    """advertiser_id, pairs: array<struct<scenario_id, first_day, days: array<struct<day, values...>>>>."""
    day = F.unix_date("ds")
    values = [F.col(name).cast("double").alias(name) for name in plan.daily]
    # collect_list skips nulls: rows before the first history day only count for first_day.
    daily = F.when(day >= plan.first_day, F.struct(day.alias("day"), *values))
    pairs = (
        facts.where(day <= plan.last_day)
        .groupBy("advertiser_id", "scenario_id")
        .agg(F.min(day).alias("first_day"), F.collect_list(daily).alias("days"))
        .where(F.col("first_day") <= plan.last_end_day)
    )
    pair = F.struct("scenario_id", "first_day", "days")
    return pairs.groupBy("advertiser_id").agg(F.sort_array(F.collect_list(pair)).alias("pairs"))


def _group_profiles(profiles: DataFrame, plan: SequencePlan) -> DataFrame:
    """advertiser_id, snapshots: the newest one by the first end day, then every later one, oldest first."""
    day = F.unix_date("ds")
    snapshot = F.struct(day.alias("day"), *plan.profile)
    known = profiles.where(day <= plan.last_end_day)
    grouped = known.groupBy("advertiser_id").agg(
        F.max(F.when(day <= plan.first_end_day, snapshot)).alias("newest"),
        F.collect_list(F.when(day > plan.first_end_day, snapshot)).alias("later"),
    )
    first: Column = F.when(F.col("newest").isNull(), F.array().cast(grouped.schema["later"].dataType))
    snapshots = F.concat(first.otherwise(F.array("newest")), F.sort_array("later"))
    return grouped.select("advertiser_id", snapshots.alias("snapshots"))


def _with_scenario(
    rows: DataFrame, scenarios: DataFrame, settings: Settings, statistics: DataFrame
) -> DataFrame:
    attributes = [*settings.columns.scenario]
    if "launched_on" in scenarios.columns and "launched_on" not in attributes:
        attributes.append("launched_on")
    joined = rows.join(F.broadcast(scenarios.select("scenario_id", *attributes)), "scenario_id", "left")
    joined = with_scenario_statistics(joined, statistics)
    before = [name for name in rows.columns if not name.startswith("label_") and name != "eligible"]
    labels = [name for name in rows.columns if name.startswith("label_")]
    return joined.select(*before, *attributes, *SCENARIO_LEVELS, "eligible", *labels)
