"""Writes the demo world as landing files: Spark has blocks of advertisers made in parallel by Python workers.

Each day is one partition folder, replaced whole when it is generated again; other days are left alone.
"""

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from jobs.demo_world.hashing import Ints
from jobs.demo_world.law import CATEGORIES, SCENARIOS
from jobs.demo_world.world import World

BEHAVIOURS = ("login_count", "campaign_edit_count", "bid_edit_count", "budget_edit_count")
COUNTS = ("impressions", "clicks")
MONEY = ("expenditure", "gmv")
_LARGEST_BLOCK, _SMALLEST_BLOCK = 5000, 500
_ROWS_PER_SORT = 1_000_000
_ADVERTISERS_PER_FILE = 500_000
_DAILY_TYPE = ", ".join(
    ["advertiser_id string", "scenario_id string", "ds date"]
    + [f"{name} long" for name in BEHAVIOURS + COUNTS]
    + [f"{name} double" for name in MONEY]
)
_PROFILE_TYPE = "advertiser_id string, ds date, business_scale int, main_category string, star_level int"
_SCENARIO_TYPE = "scenario_id string, scenario_type string, launched_on date"

Batches = Iterator[pa.RecordBatch]


def generate(spark: SparkSession, world: World, landing: str, start_ds: date, end_ds: date) -> int:
    """Replace the days start_ds .. end_ds of `<landing>/advertiser_daily` and `<landing>/advertiser_profile`.

    Writes `<landing>/scenario` too when it is not there or differs.

    Returns the number of rows of advertiser_daily. Raises ValueError for days before the world's first.
    """
    world.day_number(start_ds)
    _write_scenarios(spark, world, f"{landing}/scenario")
    if world.snapshot_days(start_ds, end_ds):
        _write_days(profiles(spark, world, start_ds, end_ds), f"{landing}/advertiser_profile")
    return _write_days(daily_rows(spark, world, start_ds, end_ds), f"{landing}/advertiser_daily")


def daily_rows(spark: SparkSession, world: World, start_ds: date, end_ds: date) -> DataFrame:
    """Rows of advertiser_daily for a range of days, `ingested_at` being 03:00 of the day after."""
    rows = _by_blocks(spark, world, partial(_daily_batches, world, start_ds, end_ds), _DAILY_TYPE)
    rows = rows.withColumn("ingested_at", F.expr("cast(date_add(ds, 1) as timestamp) + interval 3 hours"))
    return _arranged(rows, world, (end_ds - start_ds).days + 1, ["ds", "advertiser_id", "scenario_id"])


def profiles(spark: SparkSession, world: World, start_ds: date, end_ds: date) -> DataFrame:
    """Profile snapshots of a range of days: everyone on the world's first day, then those who changed."""
    rows = _by_blocks(spark, world, partial(_profile_batches, world, start_ds, end_ds), _PROFILE_TYPE)
    return _arranged(rows, world, len(world.snapshot_days(start_ds, end_ds)), ["ds", "advertiser_id"])


def advertiser_names(numbers: Ints) -> pa.Array:
    """advertiser_id of each advertiser number."""
    return pa.array([f"a{number:07d}" for number in numbers.tolist()], pa.string())


def _by_blocks(
    spark: SparkSession, world: World, batches: Callable[[Ints], Batches], schema: str
) -> DataFrame:
    parallelism = spark.sparkContext.defaultParallelism
    size = min(max(ceil(world.advertisers / parallelism), _SMALLEST_BLOCK), _LARGEST_BLOCK)
    blocks = ceil(world.advertisers / size)

    def make(block_numbers: Batches) -> Batches:
        for batch in block_numbers:
            for block in batch.column(0).to_pylist():
                yield from batches(np.arange(block * size, min((block + 1) * size, world.advertisers)))

    return spark.range(0, blocks, 1, blocks).mapInArrow(make, schema)


def _daily_batches(world: World, start_ds: date, end_ds: date, ids: Ints) -> Batches:
    names = advertiser_names(ids)
    scenarios = pa.array([s.scenario_id for s in SCENARIOS], pa.string())
    for ds, columns in world.simulate_days(ids, start_ds, end_ds):
        advertiser = columns["advertiser"].astype(np.int64) - ids[0]
        arrays = {
            "advertiser_id": names.take(pa.array(advertiser)),
            "scenario_id": scenarios.take(pa.array(columns["scenario"])),
            "ds": pa.array([ds], pa.date32()).take(pa.array(np.zeros_like(advertiser))),
        }
        arrays |= {name: pa.array(columns[name], pa.int64()) for name in BEHAVIOURS + COUNTS}
        arrays |= {name: pa.array(columns[name], pa.float64()) for name in MONEY}
        yield pa.RecordBatch.from_pydict(arrays)


def _profile_batches(world: World, start_ds: date, end_ds: date, ids: Ints) -> Batches:
    for ds in world.snapshot_days(start_ds, end_ds):
        rows, profile = world.snapshot(ids, ds)
        yield pa.RecordBatch.from_pydict(
            {
                "advertiser_id": advertiser_names(rows),
                "ds": pa.array([ds] * rows.size, pa.date32()),
                "business_scale": pa.array(profile.business_scale, pa.int32()),
                "main_category": pa.array(CATEGORIES, pa.string()).take(pa.array(profile.main_category)),
                "star_level": pa.array(profile.star_level, pa.int32()),
            }
        )


def _arranged(rows: DataFrame, world: World, days: int, order: list[str]) -> DataFrame:
    """A day in few files, rows in the same order whatever the blocks were."""
    cores = rows.sparkSession.sparkContext.defaultParallelism
    partitions = max(cores, ceil(world.advertisers * days / _ROWS_PER_SORT))
    bucket = (F.substring("advertiser_id", 2, 20).cast("long") / _ADVERTISERS_PER_FILE).cast("long")
    return rows.repartition(partitions, F.col("ds"), bucket).sortWithinPartitions(*order)


def _write_days(rows: DataFrame, folder: str) -> int:
    written = Observation()
    writer = rows.observe(written, F.count(F.lit(1)).alias("rows")).write.mode("overwrite").partitionBy("ds")
    writer.option("partitionOverwriteMode", "dynamic").parquet(folder)
    return int(written.get["rows"])


def _write_scenarios(spark: SparkSession, world: World, folder: str) -> None:
    rows = world.scenario_rows()
    found = spark.read.schema(_SCENARIO_TYPE).parquet(folder).collect() if _exists(spark, folder) else []
    # Not written again when it is right: a reader never meets the folder between two versions.
    if sorted(map(repr, map(tuple, found))) != sorted(map(repr, rows)):
        spark.createDataFrame(rows, _SCENARIO_TYPE).coalesce(1).write.mode("overwrite").parquet(folder)


def _exists(spark: SparkSession, folder: str) -> bool:
    jvm: Any = spark._jvm
    path = jvm.org.apache.hadoop.fs.Path(folder)
    return bool(path.getFileSystem(spark._jsc.hadoopConfiguration()).exists(path))
