"""The usual way to build sequences, to compare with: a calendar, a join, one window function per column."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.common.settings import Settings


def window_per_column(
    facts: DataFrame, pairs: DataFrame, settings: Settings, start_ds: date, end_ds: date
) -> DataFrame:
    """The sequence columns of every pair and day of [start_ds, end_ds].

    It is spared the profile, the scenario's attributes and the advertiser's sums, which build_sequences gives as well.
    """
    first = start_ds - timedelta(days=settings.history_days - 1)
    days = F.explode(F.sequence(F.lit(first), F.lit(end_ds))).alias("ds")
    calendar = pairs.where(F.col("first_ds") <= F.lit(end_ds)).select("advertiser_id", "scenario_id", days)
    key = ["advertiser_id", "scenario_id", "ds"]
    daily = facts.where(F.col("ds").between(F.lit(first), F.lit(end_ds)))
    dense = calendar.join(daily.select(*key, *settings.columns.daily), key, "left").fillna(0)
    for ratio in settings.columns.ratios:
        divided = F.col(ratio.numerator) / F.nullif(F.col(ratio.denominator), F.lit(0))
        dense = dense.withColumn(ratio.name, F.coalesce(divided, F.lit(0.0)))
    past = Window.partitionBy("advertiser_id", "scenario_id").orderBy("ds")
    past = past.rowsBetween(-(settings.history_days - 1), 0)
    arrays = [
        F.collect_list(F.col(name).cast("float")).over(past).alias(name)
        for name in settings.columns.sequences
    ]
    return dense.select(*key, *arrays).where(F.col("ds") >= F.lit(start_ds))
