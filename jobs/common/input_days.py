"""ops.input_days: rows and fingerprint of every day of the facts that sequences are built from.

Written by ingest after it has replaced days; so a build job knows what a day held without reading it. `ingested_at` is
not part of the fingerprint: a row that was only delivered again makes nothing stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType

from jobs.common.job import DataCheckError
from jobs.common.settings import Settings
from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse
from jobs.transforms.day_figures import WRAP, DayFigures, figures_by, figures_of

INPUT_DAYS = "ops.input_days"
FACTS, PROFILES = "facts.advertiser_daily", "facts.advertiser_profile"
SCHEMA = StructType(
    [
        StructField("source_table", StringType(), True, {"comment": "Table of the facts."}),
        StructField("ds", DateType(), True, {"comment": "Day of that table."}),
        StructField("rows", LongType(), True, {"comment": "Rows of the day."}),
        StructField(
            "fingerprint", LongType(), True, {"comment": "Sum of a 64-bit hash of each row, wrapped."}
        ),
    ]
)
FiguresByDay = dict[date, DayFigures]


def input_columns(settings: Settings, table: str) -> list[str]:
    """The columns of a facts table that sequences depend on. Raises ValueError for another table."""
    if table == FACTS:
        return ["advertiser_id", "scenario_id", "ds", *settings.columns.daily]
    if table == PROFILES:
        return ["advertiser_id", "ds", *settings.columns.profile]
    raise ValueError(f"{table} is no input of sequences; expected {FACTS} or {PROFILES}")


def refuse_missing_columns(warehouse: Warehouse, settings: Settings, table: str) -> None:
    """Raise DataCheckError when a facts table that exists lacks a column that the settings declare, all of them named.

    Facts that were taken in with other settings; Spark's own words would name a column of a long plan.
    """
    if not warehouse.exists(table):
        return
    held = warehouse.read(table).columns
    lacking = [name for name in input_columns(settings, table) if name not in held]
    if lacking:
        raise DataCheckError(
            f"table {table} lacks column {', '.join(lacking)} that the settings declare; "
            f"found columns {', '.join(held)}; it was ingested with other settings"
        )


def recorded_figures(warehouse: Warehouse) -> dict[str, FiguresByDay]:
    """What ops.input_days holds, by table; nothing for a table that has no rows yet.

    A table that is not in it has rows of which nothing was ever recorded: read `figures_of_table`.
    """
    recorded: dict[str, FiguresByDay] = {
        table: {} for table in (FACTS, PROFILES) if not warehouse.exists(table)
    }
    if warehouse.exists(INPUT_DAYS):
        for row in warehouse.read(INPUT_DAYS).collect():
            figures = DayFigures(row["rows"], row["fingerprint"] % WRAP)
            recorded.setdefault(row["source_table"], {})[row["ds"]] = figures
    return recorded


def figures_of_table(warehouse: Warehouse, settings: Settings, table: str) -> FiguresByDay:
    """Figures of every day of a facts table from its rows: one pass over all of it. Empty when it does not exist."""
    if not warehouse.exists(table):
        return {}
    days = figures_by(warehouse.read(table), "ds", {"input": input_columns(settings, table)})
    return {row["ds"]: figures_of(row, "input") for row in days.collect()}


def record_figures(
    warehouse: Warehouse,
    settings: Settings,
    recorded: Mapping[str, FiguresByDay],
    current: Mapping[str, FiguresByDay],
) -> None:
    """Bring ops.input_days up to date in one commit; none when it is already.

    Args:
        recorded: `recorded_figures` of before the facts of `current` were read, so that a slower run does not put an
            older day over what a faster one has recorded meanwhile.
        current: figures of the days that a run read or wrote, by table.
    """
    rows, replaced = [], []
    for table, days in current.items():
        known = recorded.get(table)
        if known is None:  # never recorded: everything the table holds, once
            changed = figures_of_table(warehouse, settings, table)
            replaced.append(f"source_table = '{table}'")
        else:
            changed = {ds: now for ds, now in days.items() if known.get(ds, DayFigures()) != now}
            replaced += [f"(source_table = '{table}' and ds = date'{ds}')" for ds in changed]
        rows += [(table, ds, now.rows, _signed(now.fingerprint)) for ds, now in sorted(changed.items())]
    if rows:
        frame = small_frame(warehouse.spark, rows, SCHEMA)
        warehouse.replace_where(frame, INPUT_DAYS, " or ".join(replaced), ())


def _signed(fingerprint: int) -> int:
    return fingerprint - WRAP if fingerprint >= WRAP // 2 else fingerprint
