"""Landing -> facts: cleaned rows with a unique key; bad rows go to quarantine with their reasons.

Reads `landing/advertiser_daily`, `landing/advertiser_profile` and `landing/scenario` (Parquet, CSV or Delta) and
replaces the days --start-ds .. --end-ds of facts.* and quarantine.*. A file whose columns do not fit the settings is
refused before anything is written (exit status 3).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import date

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from jobs.common.arguments import as_path
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.landing import NoLandingFilesError, read_landing
from jobs.common.settings import Settings
from jobs.common.side_by_side import side_by_side
from jobs.common.small_frame import small_frame
from jobs.transforms.fact_rules import (
    TYPED,
    attribute_rules,
    check_rows,
    day_rules,
    good_rows,
    key_rules,
    number_rules,
    quarantined_rows,
    with_typed,
)

INGESTED_AT = {"ingested_at": "timestamp"}


def ingest(context: JobContext) -> None:
    """Replace the days of facts and quarantine by what landing holds for them."""
    root = context.args.landing or f"{context.warehouse.root.rstrip('/')}/landing"
    # All three are read, and refused where they do not fit, before the first table is written.
    scenarios = _read_scenarios(context, f"{root}/scenario")
    profiles = _read_profiles(context, f"{root}/advertiser_profile")
    daily_types = daily_columns(context.settings)
    raw = read_landing(context.spark, f"{root}/advertiser_daily", daily_types, INGESTED_AT, _days(context))
    scenario_ids = _write_scenarios(context, *scenarios)
    (rows_out, rows_quarantined), _ = side_by_side(
        context.spark,
        lambda: _write_daily(context, raw, scenario_ids),
        lambda: _write_profiles(context, profiles),
    )
    context.counts.rows_in = rows_out + rows_quarantined
    context.counts.rows_out, context.counts.rows_quarantined = rows_out, rows_quarantined


def daily_columns(settings: Settings) -> dict[str, str]:
    """Required columns of advertiser_daily and their declared types."""
    return {"advertiser_id": "string", "scenario_id": "string", "ds": "date", **settings.columns.daily}


def daily_rules(settings: Settings, scenario_ids: Sequence[str]) -> list[Column]:
    """Row rules of advertiser_daily, in the order in which they are reported."""
    known = F.col("scenario_id").isin(list(scenario_ids)) | (F.trim(F.col("scenario_id")) == "")
    return [
        *key_rules(("advertiser_id", "scenario_id")),
        F.when(~known, "scenario_id_unknown"),
        *day_rules(settings.calendar.first_day, settings.calendar.last_day),
        *number_rules(settings.columns.daily),
    ]


def of_days(typed: DataFrame, start_ds: date, end_ds: date, settings: Settings) -> DataFrame:
    """Rows of the run's days, and rows that belong to no day at all: those are reported by every run that sees them."""
    day = F.col(f"{TYPED}.ds")
    unusable = day.isNull() | ~day.between(
        F.lit(settings.calendar.first_day), F.lit(settings.calendar.last_day)
    )
    return typed.where(day.between(F.lit(start_ds), F.lit(end_ds)) | unusable)


def _days(context: JobContext) -> tuple[date, date]:
    return context.start_ds, context.end_ds


def _write_daily(context: JobContext, raw: DataFrame, scenario_ids: Sequence[str]) -> tuple[int, int]:
    types = daily_columns(context.settings)
    rules = daily_rules(context.settings, scenario_ids)
    return _write(context, raw, "advertiser_daily", types, rules, ("advertiser_id", "scenario_id", "ds"))


def _write(
    context: JobContext,
    raw: DataFrame,
    entity: str,
    types: Mapping[str, str],
    rules: list[Column],
    key: tuple[str, ...],
) -> tuple[int, int]:
    """Judge the rows and replace the days of both tables; returns how many are good and how many are not."""
    typed = of_days(with_typed(raw, {**types, **INGESTED_AT}), *_days(context), context.settings)
    checked = check_rows(typed, rules, key).persist(StorageLevel.MEMORY_AND_DISK)
    rejected = quarantined_rows(checked, [*types, "ingested_at"], context.end_ds)
    facts = good_rows(checked, [*types, "ingested_at"])
    bad = F.count_if(F.size("dq_errors") > 0)
    rows, rows_quarantined = checked.agg(F.count(F.lit(1)), bad).collect()[0]
    # One file per day and table: a day of facts is read whole or not at all.
    context.warehouse.replace_days(rejected.repartition("ds"), f"quarantine.{entity}", *_days(context))
    context.warehouse.replace_days(facts.repartition("ds"), f"facts.{entity}", *_days(context))
    checked.unpersist()
    return rows - rows_quarantined, rows_quarantined


def profile_columns(settings: Settings) -> dict[str, str]:
    """Required columns of advertiser_profile and their declared types."""
    return {"advertiser_id": "string", "ds": "date", **settings.columns.profile}


def _read_profiles(context: JobContext, folder: str) -> DataFrame | None:
    """Snapshots of the run's days as found; None when there are none and older ones stay valid."""
    try:
        return read_landing(
            context.spark, folder, profile_columns(context.settings), INGESTED_AT, _days(context)
        )
    except NoLandingFilesError:
        if not context.warehouse.exists("facts.advertiser_profile"):
            raise
        return None


def _write_profiles(context: JobContext, raw: DataFrame | None) -> None:
    if raw is None:
        return
    settings = context.settings
    rules = [
        *key_rules(("advertiser_id",)),
        *day_rules(settings.calendar.first_day, settings.calendar.last_day),
        *attribute_rules(settings.columns.profile),
    ]
    _write(context, raw, "advertiser_profile", profile_columns(settings), rules, ("advertiser_id", "ds"))


def _read_scenarios(context: JobContext, folder: str) -> tuple[list[Row], StructType]:
    """All scenarios, typed, by id, and their columns. A small table: any bad row refuses it whole."""
    types = {"scenario_id": "string", **context.settings.columns.scenario}
    optional = {} if "launched_on" in types else {"launched_on": "date"}
    raw = read_landing(context.spark, folder, types, optional)
    typed = with_typed(raw, {**types, **optional}).select(f"{TYPED}.*").orderBy("scenario_id")
    rows = typed.collect()
    ids = [row.scenario_id for row in rows]
    if not ids or None in ids or "" in ids or len(set(ids)) != len(ids):
        raise DataCheckError(
            f"landing folder {folder}: scenario_id is {ids}; expected one row per scenario, none empty"
        )
    return rows, typed.schema


def _write_scenarios(context: JobContext, rows: list[Row], schema: StructType) -> list[str]:
    """Replace facts.scenario when it changed, so that runs over other days do not meet there; the scenario ids."""
    warehouse = context.warehouse
    kept = warehouse.read("facts.scenario") if warehouse.exists("facts.scenario") else None
    if kept is None or kept.orderBy("scenario_id").collect() != rows:
        warehouse.overwrite(small_frame(context.spark, rows, schema), "facts.scenario")
    return [row.scenario_id for row in rows]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments beyond those of every job."""
    parser.add_argument(
        "--landing", type=as_path, metavar="PATH", help="landing folder; default: WAREHOUSE/landing"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("ingest_facts", ingest, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
