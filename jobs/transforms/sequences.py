"""Facts -> features.sequences and features.samples, any day range in one pass over the facts.

The facts are dealt out by advertiser, and every end day is cut out of one dense array per pair (`sequence_arrays.py`).
Point in time: a row of day ds sees facts and profile snapshots with day <= ds, and labels see exactly the days
ds + 1 .. ds + tau.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from functools import reduce

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

from jobs.common.settings import Settings
from jobs.common.settings_sections import SCENARIO_LEVELS
from jobs.transforms.scenario_statistics import scenario_statistics
from jobs.transforms.sequence_arrays import FACT, SEEN, SNAPSHOT, emit_partition
from jobs.transforms.sequence_plan import SequencePlan

ATTRIBUTE_TYPES: dict[str, DataType] = {
    "string": StringType(),
    "int": IntegerType(),
    "long": LongType(),
    "date": DateType(),
}


def build_sequences(
    facts: DataFrame,
    pairs: DataFrame,
    profiles: DataFrame,
    scenarios: pa.Table,
    settings: Settings,
    end_days: Sequence[date],
    with_labels: bool = False,
    partitions: int = 1,
) -> DataFrame:
    """Sequences of every pair ever seen by its end day (with_labels: of eligible pairs, with labels).

    Args:
        facts: facts.advertiser_daily; needed are the days from the first end day - history_days + 1 to the last end day
            (with_labels: + horizon_days). Others are ignored.
        pairs: facts.pairs, the first day of every pair ever seen; several rows of a pair count by the smallest.
        profiles: facts.advertiser_profile; snapshots after the last end day are ignored.
        scenarios: attributes and levels of every scenario as of each end day (`scenario_rows`, collected): a few rows,
            which travel to the workers. Joined to the finished rows they would copy every array once more.
        end_days: the days `ds` to build, in any order.
        partitions: how many parts the advertisers are dealt into; a part's flat rows are held in memory.

    Returns:
        One row per advertiser x scenario x ds as documented in `sequence_schema`.
    """
    plan = SequencePlan.of(settings, end_days, with_labels)
    flat = flat_rows(facts, pairs, profiles, plan)
    by_advertiser = flat.repartition(partitions, "advertiser_id")
    schema = sequence_schema(settings, scenario_attributes(scenarios.column_names, settings), with_labels)
    arrow_schema = to_arrow_schema(schema)

    def emit(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return emit_partition(batches, plan, scenarios, arrow_schema)

    return by_advertiser.mapInArrow(emit, schema)


def scenario_rows(
    facts: DataFrame, pairs: DataFrame, scenarios: DataFrame, settings: Settings, end_days: Sequence[date]
) -> DataFrame:
    """scenario_id, day, the scenario's attributes and SCENARIO_LEVELS, for every scenario of `pairs` and end day."""
    statistics = scenario_statistics(
        facts, pairs, settings.active_day_column, settings.value_column, settings.history_days, end_days
    )
    attributes = scenario_attributes(scenarios.columns, settings)
    known = statistics.join(F.broadcast(scenarios), "scenario_id", "left")
    return known.select("scenario_id", F.unix_date("ds").alias("day"), *attributes, *SCENARIO_LEVELS)


def scenario_attributes(columns: Collection[str], settings: Settings) -> list[str]:
    """The declared attributes, and launched_on where the platform tells it."""
    declared = [*settings.columns.scenario]
    return (
        declared if "launched_on" not in columns or "launched_on" in declared else [*declared, "launched_on"]
    )


def sequence_schema(settings: Settings, attributes: Sequence[str], with_labels: bool = False) -> StructType:
    """Columns of features.sequences, with_labels: of features.samples. `attributes` are the scenario's."""
    floats = ArrayType(FloatType(), containsNull=False)
    fields: list[tuple[str, DataType]] = [
        ("advertiser_id", StringType()),
        ("scenario_id", StringType()),
        ("ds", DateType()),
    ]
    fields += [(name, floats) for name in settings.columns.sequences]
    fields += [("advertiser_window_sums", floats)]
    fields += [(name, ATTRIBUTE_TYPES[kind]) for name, kind in settings.columns.profile.items()]
    kinds = {"launched_on": "date", **settings.columns.scenario}
    fields += [(name, ATTRIBUTE_TYPES[kinds[name]]) for name in attributes]
    fields += [(name, IntegerType()) for name in SCENARIO_LEVELS]
    fields += [("eligible", BooleanType())]
    if with_labels:
        fields += [(f"label_{name}", DoubleType()) for name in settings.task_names]
    return StructType([StructField(name, kind) for name, kind in fields])


def flat_rows(facts: DataFrame, pairs: DataFrame, profiles: DataFrame, plan: SequencePlan) -> DataFrame:
    """Facts, first days and snapshots in one stream: kind, advertiser_id, scenario_id, day, the daily columns as double
    and the profile columns; a row is null where its kind has no value.

    One shuffle brings all of an advertiser together; joining the three would take three.
    """
    day = F.unix_date("ds").alias("day")
    values = [F.col(name).cast("double").alias(name) for name in plan.daily]
    daily = facts.where((F.unix_date("ds") >= plan.first_day) & (F.unix_date("ds") <= plan.last_day))
    seen = pairs.where(F.unix_date("first_ds") <= plan.end_days[-1])
    kinds = [
        daily.select(_kind(FACT), "advertiser_id", "scenario_id", day, *values),
        seen.select(_kind(SEEN), "advertiser_id", "scenario_id", F.unix_date("first_ds").alias("day")),
        _snapshots(profiles, plan).select(_kind(SNAPSHOT), "advertiser_id", "day", *plan.profile),
    ]
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), kinds)


def _snapshots(profiles: DataFrame, plan: SequencePlan) -> DataFrame:
    """advertiser_id, day, profile: the newest snapshot by the first end day, and every later one.

    A platform may snapshot every advertiser every day; of all that lies before the range one row each is left.
    """
    day = F.unix_date("ds")
    snapshot = F.struct(day.alias("day"), *plan.profile)
    before = profiles.where(day <= plan.end_days[0]).groupBy("advertiser_id").agg(F.max(snapshot).alias("of"))
    later = profiles.where((day > plan.end_days[0]) & (day <= plan.end_days[-1]))
    return before.select("advertiser_id", "of.*").unionByName(
        later.select("advertiser_id", day.alias("day"), *plan.profile)
    )


def _kind(kind: int) -> Column:
    return F.lit(kind).cast("tinyint").alias("kind")
