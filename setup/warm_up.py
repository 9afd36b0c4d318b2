"""Writes, reads and merges a small Delta table, so that set-up can archive the classes every job loads.

Run by setup/install.sh: spark-submit setup/warm_up.py FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pandas as pd
from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.window import Window

CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}


def rows(spark: SparkSession) -> DataFrame:
    """1,000 rows (id, ds, value, history): the column kinds that jobs work with."""
    return spark.range(1000).select(
        "id",
        F.date_add(F.lit("2026-01-01").cast("date"), (F.col("id") % 3).cast("int")).alias("ds"),
        F.rand(7).alias("value"),
        F.array(F.rand(1).cast("float"), F.rand(2).cast("float")).alias("history"),
    )


def double(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """A Python worker's round trip."""
    for batch in batches:
        yield batch.assign(value=batch["value"] * 2)


def main(folder: str) -> None:
    """Go through what jobs do, interpreted and compiled."""
    builder = SparkSession.builder.appName("warm-up")
    for key, value in CONF.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    for way, compiled in (("interpreted", False), ("compiled", True)):
        spark.conf.set("spark.sql.codegen.wholeStage", compiled)
        spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if compiled else "NO_CODEGEN")
        go_through(spark, f"{folder}/{way}")
    spark.stop()


def go_through(spark: SparkSession, folder: str) -> None:
    """Partitioned writes, replaceWhere, windows, a pandas function, a merge, other formats."""
    table = f"{folder}/delta"
    rows(spark).write.format("delta").partitionBy("ds").save(table)
    newest = Window.partitionBy("ds").orderBy(F.col("value").desc())
    ranked = (
        spark.read.format("delta")
        .load(table)
        .withColumn("rank", F.row_number().over(newest))
        .where("rank < 9")
    )
    changed = ranked.drop("rank").mapInPandas(double, "id long, ds date, value double, history array<float>")
    changed.where("ds = '2026-01-01'").write.format("delta").mode("overwrite").option(
        "replaceWhere", "ds >= date'2026-01-01' and ds <= date'2026-01-01'"
    ).save(table)
    merged = (
        DeltaTable.forPath(spark, table)
        .alias("t")
        .merge(rows(spark).alias("s"), "t.id = s.id and t.ds = s.ds")
    )
    merged.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
    spark.read.format("delta").load(table).groupBy("ds").agg(F.sum("value"), F.collect_list("id")).collect()
    rows(spark).write.parquet(f"{folder}/parquet")
    spark.read.parquet(f"{folder}/parquet").join(ranked.select("id", "rank"), "id", "left").drop(
        "history"
    ).write.csv(f"{folder}/csv")


if __name__ == "__main__":
    main(sys.argv[1])
