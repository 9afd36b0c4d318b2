"""Rows that the driver already holds as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType


def small_frame(spark: SparkSession, rows: Sequence[Sequence[Any]], schema: StructType) -> DataFrame:
    """`rows`, in the order of `schema`'s fields, as a frame of one partition.

    They go over as Arrow, so no Python worker is started to hand them to Spark. Raises pyarrow.ArrowInvalid for a value
    that its column cannot hold.
    """
    wanted = to_arrow_schema(schema, timezone="UTC")
    columns = zip(*rows, strict=True) if rows else ([] for _ in wanted)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, wanted, strict=True)]
    return spark.createDataFrame(pa.Table.from_arrays(arrays, schema=wanted), schema).coalesce(1)
