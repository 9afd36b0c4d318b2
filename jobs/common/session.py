"""The Spark session of a job: Delta's catalog, UTC dates, Arrow batches; everything else is the cluster's own."""

from __future__ import annotations

import os
import sys

from pyspark import SparkConf
from pyspark.sql import SparkSession

from jobs.common.settings import Settings

BASE_CONF: dict[str, str | int | float | bool] = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": True,
    # Rows with 40-day arrays are wide: 4,096 of them are about 6 MB as Arrow.
    "spark.sql.execution.arrow.maxRecordsPerBatch": 4096,
    # collect_list over a pair's history has more groups than the default of 128 allows before it sorts instead.
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": 100_000,
}
LOCAL_CONF: dict[str, str | int | float | bool] = {
    # One machine: as many shuffle partitions as cores, and no web page per job.
    "spark.sql.shuffle.partitions": 4,
    "spark.databricks.delta.snapshotPartitions": 2,
    "spark.ui.enabled": False,
    "spark.ui.showConsoleProgress": False,
}


def start_session(job: str, settings: Settings) -> tuple[SparkSession, bool]:
    """The session to work with, and whether this call started it (then the caller stops it)."""
    active = SparkSession.getActiveSession()
    if active is not None:
        return active, False
    # Workers must run the driver's Python, not whatever python3 the machine has.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    given = SparkConf()  # what spark-submit was given: a key from there is left alone
    defaults = (
        {**BASE_CONF, **LOCAL_CONF}
        if given.get("spark.master", "local[*]").startswith("local")
        else BASE_CONF
    )
    builder = SparkSession.builder.appName(f"{settings.platform}-{job}")
    for key, value in {**defaults, **settings.spark.conf}.items():
        if key in settings.spark.conf or not given.contains(key):
            builder = builder.config(key, _text(value))
    return builder.getOrCreate(), True


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
