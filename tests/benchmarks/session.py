"""The Spark session of benchmarks that measure long jobs: queries are compiled, both cores are used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

from jobs.common.session import ConfValue, start_session
from jobs.common.settings import Settings

CONF: dict[str, ConfValue] = {
    "spark.master": "local[2]",
    "spark.driver.memory": "4g",
    "spark.sql.codegen.wholeStage": True,
    "spark.sql.codegen.factoryMode": "FALLBACK",
    "spark.sql.shuffle.partitions": 8,
}


@contextmanager
def long_job_session(settings: Settings) -> Iterator[SparkSession]:
    """A session on a JVM with its full compiler; stopped at the end when it was started here."""
    os.environ["SPARK_SUBMIT_OPTS"] = full_compiler_options()  # only a JVM that does not run yet can be told
    spark, started_here = start_session("bench", settings, CONF)
    try:
        yield spark
    finally:
        if started_here:
            spark.stop()


def full_compiler_options() -> str:
    """SPARK_SUBMIT_OPTS as M2M_JVM=full has them."""
    return os.environ.get("SPARK_SUBMIT_OPTS", "").replace("-XX:TieredStopAtLevel=1", "")
