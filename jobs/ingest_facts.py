"""Landing -> facts: cleaned rows with a unique key; bad rows go to quarantine with their reasons.

Reads `landing/advertiser_daily`, `landing/advertiser_profile` and `landing/scenario` (Parquet, CSV or Delta) and
replaces the days --start-ds .. --end-ds of facts.* and quarantine.*. The `late_days` days before are read again, and
replaced where landing now holds other rows for them. A file whose columns do not fit the settings is refused before
anything is written (exit status 3).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from jobs.common.arguments import as_path
from jobs.common.fact_days import INGESTED_AT, DaysRead, Entity, Outcome, replace_fact_days
from jobs.common.input_days import FACTS, PROFILES, record_figures, recorded_figures
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.landing import NoLandingFilesError, read_landing
from jobs.common.pairs import refresh_pairs
from jobs.common.settings import Settings
from jobs.common.side_by_side import side_by_side
from jobs.common.small_frame import small_frame
from jobs.transforms.fact_rules import (
    TYPED,
    attribute_rules,
    day_rules,
    key_rules,
    number_rules,
    with_typed,
)
from jobs.transforms.week_before import days_of

Snapshots = tuple[DataFrame, DaysRead] | None


def ingest(context: JobContext) -> None:
    """Replace the days of facts and quarantine by what landing holds for them, and earlier days that changed."""
    root = context.args.landing or f"{context.warehouse.root.rstrip('/')}/landing"
    days = days_read(context.settings, context.start_ds, context.end_ds)
    # All three are read, and refused where they do not fit, before the first table is written.
    scenarios, recorded = side_by_side(
        context.spark,
        lambda: _read_scenarios(context, f"{root}/scenario"),
        lambda: recorded_figures(context.warehouse),
    )
    profiles = _read_profiles(context, f"{root}/advertiser_profile", days)
    raw = _read(context, f"{root}/advertiser_daily", daily_columns(context.settings), days)
    scenario_ids = _write_scenarios(context, *scenarios)
    daily, snapshots = side_by_side(
        context.spark,
        lambda: _write_daily(context, raw, scenario_ids, days),
        lambda: _write_profiles(context, profiles),
    )
    current = {FACTS: daily.figures, PROFILES: snapshots.figures}
    side_by_side(
        context.spark,
        lambda: refresh_pairs(context.warehouse, days_of(days.first, days.last)),
        lambda: record_figures(context.warehouse, context.settings, recorded, current),
    )
    context.counts.rows_in = daily.rows + daily.rows_quarantined
    context.counts.rows_out, context.counts.rows_quarantined = daily.rows, daily.rows_quarantined


def days_read(settings: Settings, start_ds: date, end_ds: date) -> DaysRead:
    """The run's own days and the `late_days` before them, as far as the calendar goes back."""
    earliest = max(start_ds - timedelta(days=settings.late_days), settings.calendar.first_day)
    return DaysRead(first=min(earliest, start_ds), own=start_ds, last=end_ds)


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


def _read(context: JobContext, folder: str, types: dict[str, str], days: DaysRead) -> DataFrame:
    return read_landing(context.spark, folder, types, INGESTED_AT, (days.own, days.last), days.first)


def _write_daily(context: JobContext, raw: DataFrame, scenario_ids: Sequence[str], days: DaysRead) -> Outcome:
    rules = daily_rules(context.settings, scenario_ids)
    key = ("advertiser_id", "scenario_id", "ds")
    return _write(context, raw, Entity("advertiser_daily", daily_columns(context.settings), rules, key), days)


def _write(context: JobContext, raw: DataFrame, entity: Entity, days: DaysRead) -> Outcome:
    outcome = replace_fact_days(context.warehouse, context.settings, raw, entity, days)
    if outcome.corrected:
        told = ", ".join(map(str, outcome.corrected))
        print(f"ingest_facts: {entity.name}: earlier days with other rows now: {told}", file=sys.stderr)
    return outcome


def profile_columns(settings: Settings) -> dict[str, str]:
    """Required columns of advertiser_profile and their declared types."""
    return {"advertiser_id": "string", "ds": "date", **settings.columns.profile}


def _read_profiles(context: JobContext, folder: str, days: DaysRead) -> Snapshots:
    """Snapshots as found, and their days; without any of the run's own days older ones stay valid."""
    types = profile_columns(context.settings)
    try:
        return _read(context, folder, types, days), days
    except NoLandingFilesError:
        earlier = DaysRead(first=days.first, own=days.own, last=days.own - timedelta(days=1))
    try:
        return read_landing(context.spark, folder, types, INGESTED_AT, (earlier.first, earlier.last)), earlier
    except NoLandingFilesError:
        if not context.warehouse.exists(PROFILES):
            raise
        return None


def _write_profiles(context: JobContext, snapshots: Snapshots) -> Outcome:
    if snapshots is None:
        return Outcome(rows=0, rows_quarantined=0, corrected=[], figures={})
    raw, days = snapshots
    settings = context.settings
    rules = [
        *key_rules(("advertiser_id",)),
        *day_rules(settings.calendar.first_day, settings.calendar.last_day),
        *attribute_rules(settings.columns.profile),
    ]
    entity = Entity("advertiser_profile", profile_columns(settings), rules, ("advertiser_id", "ds"))
    return _write(context, raw, entity, days)


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
