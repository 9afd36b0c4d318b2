"""facts.pairs: the first day of every advertiser x scenario ever seen, so that no job scans all facts to learn it.

A pair may have several rows; its first day is the smallest. So a row can be added without looking at the others, twice
or in any order, and two writers never undo each other's work.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from delta.tables import DeltaTable
from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.warehouse import Warehouse, through_conflicts

PAIRS, FACTS = "facts.pairs", "facts.advertiser_daily"
PAIR = ["advertiser_id", "scenario_id"]


def read_pairs(warehouse: Warehouse) -> DataFrame:
    """advertiser_id, scenario_id, first_ds: one row per pair ever seen.

    Taken from the facts in a warehouse of before this table. Raises ValueError when there are no facts either.
    """
    if not warehouse.exists(PAIRS):
        return _first_days(warehouse.read(FACTS))
    return warehouse.read(PAIRS).groupBy(*PAIR).agg(F.min("first_ds").alias("first_ds"))


def refresh_pairs(warehouse: Warehouse, days: Collection[date]) -> None:
    """Bring facts.pairs up to date after these days of the facts were replaced; nothing is written when it is.

    Everything follows from the two tables, so a run that was killed is repaired by the next one over the same days.
    """
    if not warehouse.exists(PAIRS):
        warehouse.append(read_pairs(warehouse), PAIRS)
        return
    if not days:
        return
    of_days = warehouse.read(FACTS).where(F.col("ds").isin(sorted(days))).select(*PAIR, "ds")
    _add_new(warehouse, of_days)
    _remove_phantoms(warehouse, of_days, days)


def _first_days(facts: DataFrame) -> DataFrame:
    return facts.groupBy(*PAIR).agg(F.min("ds").alias("first_ds"))


def _add_new(warehouse: Warehouse, of_days: DataFrame) -> None:
    known = warehouse.read(PAIRS).withColumnRenamed("first_ds", "known_ds")
    seen = _first_days(of_days)
    same_pair = [seen[name] == known[name] for name in PAIR]
    new = seen.join(known, [*same_pair, known["known_ds"] <= seen["first_ds"]], "left_anti")
    new = new.persist(StorageLevel.MEMORY_AND_DISK)
    if not new.isEmpty():
        warehouse.append(new, PAIRS)
    new.unpersist()


def _remove_phantoms(warehouse: Warehouse, of_days: DataFrame, days: Collection[date]) -> None:
    """Pairs whose row on their first day is gone: deleted at the source, or corrected away."""
    claimed = warehouse.read(PAIRS).where(F.col("first_ds").isin(sorted(days))).distinct()
    gone = claimed.join(of_days.withColumnRenamed("ds", "first_ds"), [*PAIR, "first_ds"], "left_anti")
    gone = gone.persist(StorageLevel.MEMORY_AND_DISK)
    if not gone.isEmpty():
        _correct(warehouse, gone)
    gone.unpersist()


def _correct(warehouse: Warehouse, gone: DataFrame) -> None:
    """Give them the first day that the facts have now, or remove them, in one commit. Reads the keys of all facts."""
    left = warehouse.read(FACTS).select(*PAIR, "ds").join(gone, PAIR, "left_semi")
    now = _first_days(left).withColumnRenamed("first_ds", "now_ds")
    changes = gone.join(now, PAIR, "left").persist(StorageLevel.MEMORY_AND_DISK)
    same_row = " and ".join(f"held.{name} = change.{name}" for name in [*PAIR, "first_ds"])
    held = DeltaTable.forPath(warehouse.spark, warehouse.path(PAIRS)).alias("held")
    merge = held.merge(changes.alias("change"), same_row)
    merge = merge.whenMatchedDelete("change.now_ds is null")
    merge = merge.whenMatchedUpdate(set={"first_ds": "change.now_ds"})
    through_conflicts(merge.execute)
    changes.unpersist()
