"""ops.published_days: the days consumers may read. Their views show the newest of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType

from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse

PUBLISHED_DAYS = "ops.published_days"
SCHEMA = StructType(
    [
        StructField("ds", DateType(), True, {"comment": "A day that passed every check and audit."}),
        StructField("model_version", StringType(), True, {"comment": "Model the day was scored with."}),
        StructField(
            "candidates", LongType(), True, {"comment": "Selected candidates of the day, both arms."}
        ),
        StructField("rewarded_tasks", LongType(), True, {"comment": "Rewarded tasks of the day."}),
        StructField("push_messages", LongType(), True, {"comment": "Push messages of the day."}),
    ]
)
PublishedDay = tuple[date, str, int, int, int]


def publish_days(warehouse: Warehouse, days: Sequence[PublishedDay], start_ds: date, end_ds: date) -> None:
    """Show the days to consumers: one commit, all of them or none. A row is in the order of SCHEMA."""
    frame = small_frame(warehouse.spark, days, SCHEMA)
    warehouse.replace_days(frame, PUBLISHED_DAYS, start_ds, end_ds)


def withdraw_days(warehouse: Warehouse, start_ds: date, end_ds: date) -> None:
    """Hide the days from consumers before anything of them is rewritten; days that are not shown are fine."""
    if not warehouse.exists(PUBLISHED_DAYS):
        return
    if warehouse.read_days(PUBLISHED_DAYS, start_ds, end_ds).isEmpty():
        return
    publish_days(warehouse, [], start_ds, end_ds)
