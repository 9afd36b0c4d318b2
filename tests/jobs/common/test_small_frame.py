"""Rows of the driver as a frame: types, nulls, order, none at all, and no Python worker."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DateType,
    DoubleType,
    FloatType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from jobs.common.small_frame import small_frame

TYPES = StructType(
    [
        StructField("name", StringType()),
        StructField("ds", DateType()),
        StructField("rows", LongType()),
        StructField("share", DoubleType()),
        StructField("values", ArrayType(FloatType())),
        StructField("good", BooleanType()),
        StructField("at", TimestampType()),
    ]
)
ROWS = [
    ("b", date(2026, 4, 2), 2**40, 0.1, [1.0, float("inf")], True, datetime(2026, 4, 2, 3, tzinfo=UTC)),
    (None, None, None, None, None, None, None),
]


def test_rows_arrive_in_order_with_their_types(spark: SparkSession) -> None:
    frame = small_frame(spark, ROWS, TYPES)
    assert frame.schema == TYPES
    assert frame.rdd.getNumPartitions() == 1
    assert "LocalRelation" in str(frame._jdf.queryExecution().optimizedPlan())  # no rows from a Python worker
    instant = "date_format(to_utc_timestamp(at, current_timezone()), 'yyyy-MM-dd HH')"
    found = frame.selectExpr("name", "ds", "rows", "share", "values", "good", instant).collect()
    assert [tuple(row) for row in found] == [(*ROWS[0][:6], "2026-04-02 03"), ROWS[1]]


def test_no_rows_are_an_empty_frame_of_the_same_columns(spark: SparkSession) -> None:
    frame = small_frame(spark, [], TYPES)
    assert frame.schema == TYPES and frame.collect() == []


def test_a_value_that_does_not_fit_is_refused(spark: SparkSession) -> None:
    with pytest.raises(pa.ArrowInvalid):
        small_frame(spark, [("many",)], StructType([StructField("clicks", LongType())]))
