"""The usual way to build sequences, to compare with: a calendar, joins, and one window function per column.

It makes the same rows as `build_sequences`, except for the scenario's levels, which it is spared.
"""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.common.settings import Settings
from jobs.common.settings_sections import WINDOWS_DAYS, Ratio

PAIR, ADVERTISER = ("advertiser_id", "scenario_id"), ("advertiser_id",)


def window_per_column(
    facts: DataFrame,
    pairs: DataFrame,
    profiles: DataFrame,
    scenarios: DataFrame,
    settings: Settings,
    start_ds: date,
    end_ds: date,
) -> DataFrame:
    """Sequences of every pair and day of [start_ds, end_ds]; `pairs` has one row per pair."""
    first = start_ds - timedelta(days=settings.history_days - 1)
    known = facts.where(F.col("ds").between(F.lit(first), F.lit(end_ds)))
    calendar = pairs.where(F.col("first_ds") <= F.lit(end_ds)).withColumn("ds", _days(first, end_ds))
    daily = _dense(calendar, known.select(*PAIR, "ds", *settings.columns.daily), PAIR, settings)
    past = _last_days(PAIR, settings.history_days)
    named = [_ratio(ratio).alias(ratio.name) for ratio in settings.columns.ratios]
    daily = daily.select("*", *named)
    arrays = [F.collect_list(F.col(c).cast("float")).over(past).alias(c) for c in settings.columns.sequences]
    alive = F.greatest(*(F.max(F.col(c) > 0).over(past) for c in settings.eligible_columns))
    rows = daily.select(*PAIR, "ds", "first_ds", *arrays, alive.alias("eligible"))
    rows = rows.where((F.col("ds") >= F.lit(start_ds)) & (F.col("first_ds") <= F.col("ds"))).drop("first_ds")
    return (
        rows.join(_advertiser_sums(known, settings, first, start_ds, end_ds), [*ADVERTISER, "ds"], "left")
        .join(_profiles_as_of(profiles, settings, start_ds, end_ds), [*ADVERTISER, "ds"], "left")
        .join(F.broadcast(scenarios), "scenario_id", "left")
    )


def _days(first: date, last: date) -> Column:
    return F.explode(F.sequence(F.lit(first), F.lit(last)))


def _dense(calendar: DataFrame, daily: DataFrame, key: tuple[str, ...], settings: Settings) -> DataFrame:
    return calendar.join(daily, [*key, "ds"], "left").fillna(0, list(settings.columns.daily))


def _last_days(key: tuple[str, ...], days: int) -> WindowSpec:
    return Window.partitionBy(*key).orderBy("ds").rowsBetween(1 - days, 0)


def _ratio(ratio: Ratio, suffix: str = "") -> Column:
    below = F.col(ratio.denominator + suffix)
    return F.coalesce(F.col(ratio.numerator + suffix) / F.nullif(below, F.lit(0)), F.lit(0.0))


def _advertiser_sums(
    facts: DataFrame, settings: Settings, first: date, start_ds: date, end_ds: date
) -> DataFrame:
    """advertiser_window_sums of every advertiser with facts and day of [start_ds, end_ds]."""
    daily, ratios = list(settings.columns.daily), settings.columns.ratios
    totals = facts.groupBy(*ADVERTISER, "ds").agg(*(F.sum(c).alias(c) for c in daily))
    calendar = facts.select(*ADVERTISER).distinct().withColumn("ds", _days(first, end_ds))
    dense = _dense(calendar, totals, ADVERTISER, settings)
    windows = {days: _last_days(ADVERTISER, min(days, settings.history_days)) for days in WINDOWS_DAYS}
    sums = [F.sum(c).over(spec).alias(f"{c}_{days}") for days, spec in windows.items() for c in daily]
    found = dense.select(*ADVERTISER, "ds", *sums).where(F.col("ds") >= F.lit(start_ds))
    values = [
        value.cast("float")
        for days in windows
        for value in (*(F.col(f"{c}_{days}") for c in daily), *(_ratio(r, f"_{days}") for r in ratios))
    ]
    return found.select(*ADVERTISER, "ds", F.array(*values).alias("advertiser_window_sums"))


def _profiles_as_of(profiles: DataFrame, settings: Settings, start_ds: date, end_ds: date) -> DataFrame:
    """The newest snapshot of each advertiser as of each day."""
    columns = list(settings.columns.profile)
    snapshot = F.struct(F.col("ds").alias("snapshot_ds"), *columns).alias("snapshot")
    days = profiles.select(*ADVERTISER).distinct().withColumn("ds", _days(start_ds, end_ds))
    known = days.join(profiles.select(*ADVERTISER, snapshot), [*ADVERTISER], "inner")
    newest = known.where(F.col("snapshot.snapshot_ds") <= F.col("ds")).groupBy(*ADVERTISER, "ds")
    return newest.agg(F.max("snapshot").alias("newest")).select(
        *ADVERTISER, "ds", *(F.col(f"newest.{c}").alias(c) for c in columns)
    )
