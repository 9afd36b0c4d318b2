"""Figures of a run against queries whose bytes, spill and skew are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.common.session import VECTORED_READS
from jobs.common.spark_metrics import RunMetrics, RunStages
from jobs.common.units import bytes_in_words

TASKS = 8
SLEEP_MS = "java_method('java.lang.Thread', 'sleep', 25L)"


def run(df: DataFrame) -> None:
    df.write.format("noop").mode("overwrite").save()


def test_bytes_are_those_of_the_files(spark: SparkSession, tmp_path: Path) -> None:
    run(spark.range(7))  # what came before is not counted
    stages, folder = RunStages(spark), tmp_path / "numbers"
    spark.range(0, 50_000, 1, 3).write.parquet(str(folder))
    size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    written = stages.metrics()
    assert (written.bytes_written, written.bytes_read, written.shuffle_bytes) == (size, 0, 0)

    numbers, stages = spark.read.parquet(str(folder)), RunStages(spark)
    run(numbers.repartition(4, "id"))
    read = stages.metrics()
    assert 0.9 * size < read.bytes_read < 1.5 * size  # footers are read again
    assert read.bytes_written == read.spilled_bytes == 0
    assert read.shuffle_bytes > 50_000  # 50,000 different ids, however they are packed


def test_bytes_read_are_null_where_spark_cannot_count_them(spark: SparkSession) -> None:
    conf, stages = spark.sparkContext._jsc.hadoopConfiguration(), RunStages(spark)
    before = conf.get(VECTORED_READS)
    conf.set(VECTORED_READS, "true")
    try:
        metrics = stages.metrics()
    finally:
        conf.set(VECTORED_READS, before)
    assert (metrics.bytes_read, metrics.bytes_written) == (None, 0)


def test_spill_is_counted_and_only_where_there_was_one(
    spark: SparkSession, request: pytest.FixtureRequest
) -> None:
    rows = spark.range(0, 2_000, 1, 2).withColumn("half", F.col("id") % 2)
    query = rows.selectExpr("sum(id) OVER (PARTITION BY half) AS total")
    stages = RunStages(spark)
    run(query)
    assert stages.metrics().spilled_bytes == 0
    request.getfixturevalue("spill_early")
    stages = RunStages(spark)
    run(query)
    assert stages.metrics().spilled_bytes > 2_000  # 2,000 rows, most of them in files of 100


@pytest.mark.parametrize(("rows_of_one_key", "least", "most"), [(1, 1.0, 2.0), (12, 4.0, 13.0)])
def test_skew_is_the_slowest_task_over_the_median(
    spark: SparkSession, rows_of_one_key: int, least: float, most: float
) -> None:
    """A shuffle to 8 tasks of 8 rows each, 25 ms a row; the first key has more of them."""
    copies = F.when(F.col("place") == 0, rows_of_one_key).otherwise(1)
    places = F.explode(F.sequence(F.lit(1), copies * TASKS))
    rows = spark.range(TASKS).withColumnRenamed("id", "place").select("place", places.alias("row"))
    stages = RunStages(spark)
    run(rows.repartitionByRange(TASKS, "place").selectExpr(f"{SLEEP_MS} AS slept"))
    metrics = stages.metrics()
    assert least <= metrics.skew <= most
    slept = TASKS * rows_of_one_key * 0.025
    assert slept <= metrics.slowest_task_seconds < slept + 3


def test_one_task_has_no_skew_and_no_task_none(spark: SparkSession) -> None:
    stages = RunStages(spark)
    assert stages.metrics() == RunMetrics(0, 0, 0, 0)
    run(spark.range(0, 10, 1, 1))
    assert stages.metrics().skew == 1.0


def test_two_tasks_have_a_median_between_them(spark: SparkSession) -> None:
    stages = RunStages(spark)
    run(
        spark.range(0, 2, 1, 2).selectExpr(
            "java_method('java.lang.Thread', 'sleep', 100L + 900L * id) AS slept"
        )
    )
    assert 1.3 < stages.metrics().skew < 2.0


def test_figures_that_spark_has_forgotten_are_null_and_the_reason_is_told(
    spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = RunStages(spark)
    stages.first -= 5_000  # as if the run had started long ago
    assert stages.metrics() == RunMetrics()
    told = capsys.readouterr().err
    assert "bytes, spill and skew of this run are not known: 5000 stages, of which Spark keeps 900" in told


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (12_100_000_000, "12.1 GB"),
        (10**19, "10000.0 PB"),
    ],
)
def test_bytes_in_words(count: int, words: str) -> None:
    assert bytes_in_words(count) == words
