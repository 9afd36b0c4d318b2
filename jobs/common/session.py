"""The Spark session of a job: Delta's catalog, UTC dates, Arrow batches; everything else is the cluster's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark import SparkConf
from pyspark.sql import SparkSession

from jobs.common.settings import Settings

# Parquet's reads in threads of their own.
VECTORED_READS = "parquet.hadoop.vectored.io.enabled"
ConfValue = str | int | float | bool
BASE_CONF: dict[str, ConfValue] = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": True,
    # A sixth fewer bytes than snappy for sequences, at the same speed (docs/decisions/0011).
    "spark.sql.parquet.compression.codec": "zstd",
    # Rows with 40-day arrays are wide: 4,096 of them are about 6 MB as Arrow.
    "spark.sql.execution.arrow.maxRecordsPerBatch": 4096,
}
LOCAL_CONF: dict[str, ConfValue] = {
    # One machine: few shuffle partitions, and no web page per job.
    "spark.sql.shuffle.partitions": 4,
    "spark.databricks.delta.snapshotPartitions": 1,
    # VACUUM lists a table's folders in this many tasks: with the default of 10,000 an empty table takes a minute.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": 4,
    # Delta lists the files of a small table in its checksum file; to read the list there is no Spark job.
    "spark.databricks.delta.allFilesInCrc.thresholdNumFiles": 1000,
    # Read in other threads, a file's bytes are missing from Spark's figures; on a local disk that is no faster either.
    f"spark.hadoop.{VECTORED_READS}": False,
    "spark.ui.enabled": False,
    "spark.ui.showConsoleProgress": False,
}
# A short job is over before compiled queries pay (docs/decisions/0002); M2M_JVM=full compiles them.
SHORT_JOB_CONF: dict[str, ConfValue] = {
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


def start_session(
    job: str, settings: Settings, conf: Mapping[str, ConfValue] | None = None
) -> tuple[SparkSession, bool]:
    """The session to work with, and whether this call started it (then the caller stops it).

    `conf` counts more than what the settings, spark-submit and this module say.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        return active, False
    # Workers must run the driver's Python, not whatever python3 the machine has.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    given = SparkConf()  # what spark-submit was given: a key from there is left alone
    defaults = dict(BASE_CONF)
    if given.get("spark.master", "local[*]").startswith("local"):
        defaults |= LOCAL_CONF
        if os.environ.get("M2M_JVM", "fast") == "fast":
            defaults |= SHORT_JOB_CONF
    builder = SparkSession.builder.appName(f"{settings.platform}-{job}")
    chosen = {**settings.spark.conf, **(conf or {})}
    for key, value in {**defaults, **chosen}.items():
        if key in chosen or not given.contains(key):
            builder = builder.config(key, _text(value))
    return builder.getOrCreate(), True


@contextmanager
def session_conf(spark: SparkSession, conf: Mapping[str, str]) -> Iterator[None]:
    """Options of the session for as long as the block runs; what they were before comes back."""
    before = {key: spark.conf.get(key, None) for key in conf}
    for key, value in conf.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, old in before.items():
            if old is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, old)


def _text(value: ConfValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
