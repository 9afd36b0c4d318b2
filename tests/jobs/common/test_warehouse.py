"""Delta tables below one root: days replaced in one commit, other days and other tables untouched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from deltalake import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import LongType, StringType, StructField, StructType

from jobs.common.side_by_side import side_by_side
from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import day, keys

TABLE = "facts.advertiser_daily"


def rows_of(warehouse: Warehouse) -> dict[date, int]:
    return {row["ds"]: row["count"] for row in warehouse.read(TABLE).groupBy("ds").count().collect()}


def replace(warehouse: Warehouse, rows: Mapping[date, int], first: int, last: int) -> None:
    warehouse.replace_days(keys(warehouse.spark, rows), TABLE, day(first), day(last))


def test_exactly_the_days_asked_for_are_replaced_in_one_commit(warehouse: Warehouse) -> None:
    replace(warehouse, {day(0): 2, day(1): 3, day(2): 4}, 0, 2)
    replace(warehouse, {day(1): 5}, 1, 2)
    assert rows_of(warehouse) == {day(0): 2, day(1): 5}
    assert DeltaTable(warehouse.path(TABLE)).version() == 1


@pytest.mark.parametrize("exists", [False, True], ids=["new table", "old table"])
def test_a_row_of_another_day_is_refused_and_nothing_is_written(warehouse: Warehouse, exists: bool) -> None:
    if exists:
        replace(warehouse, {day(0): 2}, 0, 0)
    with pytest.raises(PySparkException, match=str(day(3)) if not exists else "replaceWhere|REPLACE_WHERE"):
        replace(warehouse, {day(0): 1, day(3): 1}, 0, 1)
    assert warehouse.exists(TABLE) == exists
    assert not exists or rows_of(warehouse) == {day(0): 2}


def test_a_new_table_has_its_column_comments_and_no_deletion_vectors(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    schema = StructType(
        [StructField("n", LongType(), True, {"comment": "A number."}), StructField("ds", StringType())]
    )
    warehouse.append(small_frame(spark, [(1, "x")], schema), "ops.numbers")
    assert warehouse.read("ops.numbers").schema["n"].metadata == {"comment": "A number."}
    assert DeltaTable(warehouse.path("ops.numbers")).metadata().configuration == {
        "delta.enableDeletionVectors": "false"
    }


def test_writers_of_different_days_who_meet_in_a_new_table_both_come_through(warehouse: Warehouse) -> None:
    side_by_side(
        warehouse.spark,
        lambda: replace(warehouse, {day(0): 2}, 0, 0),
        lambda: replace(warehouse, {day(1): 3}, 1, 1),
    )
    assert rows_of(warehouse) == {day(0): 2, day(1): 3}


def test_logs_grow_and_small_tables_are_replaced_whole(spark: SparkSession, warehouse: Warehouse) -> None:
    def number(n: int) -> DataFrame:
        return small_frame(spark, [(n,)], StructType([StructField("n", LongType())]))

    for n in (1, 2):
        warehouse.append(number(n), "ops.log")
        warehouse.overwrite(number(n), "facts.scenario")
    assert sorted(row["n"] for row in warehouse.read("ops.log").collect()) == [1, 2]
    assert [row["n"] for row in warehouse.read("facts.scenario").collect()] == [2]


def test_an_absent_table_and_a_name_that_is_none_are_told(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match=r"table facts\.advertiser_daily does not exist at .*; run the job"):
        warehouse.read(TABLE)
    with pytest.raises(ValueError, match=r"'facts/\.\./x' is not a table name"):
        warehouse.path("facts/../x")
