"""The SQL files of the consumer tables, sql/<table>/: the table, its view, its audits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pyspark.errors import AnalysisException

from jobs.common.code_files import beside_the_code
from jobs.common.settings import Settings
from jobs.common.warehouse import CONFLICTS, Warehouse

SQL_FOLDER = beside_the_code("sql")
CONSUMER_TABLES = (
    "scores.advertiser_scores",
    "engagement.candidates",
    "engagement.rewarded_task",
    "engagement.push_message",
)
COLUMN = re.compile(r"^  (?P<column>(?P<name>\w+) .*? COMMENT '[^']*'),?$", re.MULTILINE)
NAMED_CHECK = re.compile(r"^-- check: *(?P<name>\w+)\n(?P<query>[^;]+);", re.MULTILINE)


def create_table(warehouse: Warehouse, table: str, settings: Settings) -> None:
    """Create a consumer table with its column comments when it is not there.

    A table made by an older version of its DDL gets the columns it lacks, at its end; its old rows have no
    value there.
    """
    name = f"delta.`{absolute_path(warehouse.path(table))}`"
    statement = render_ddl(table, name, settings)
    if not warehouse.exists(table):
        warehouse.spark.sql(statement)
        return
    lines = COLUMN.finditer(statement)
    add_missing_columns(warehouse, table, {line["name"]: line["column"].split(" ", 1)[1] for line in lines})


def add_missing_columns(warehouse: Warehouse, table: str, columns: Mapping[str, str]) -> None:
    """Add the columns that a table lacks at its end: name -> type, with a comment or without.

    Another job may be adding them at this moment. Raises Spark's or Delta's error when they are still lacking after it.
    """
    name = f"delta.`{absolute_path(warehouse.path(table))}`"
    missing = _missing(warehouse, table, columns)
    if not missing:
        return
    added = ", ".join(f"{column} {columns[column]}" for column in missing)
    try:
        warehouse.spark.sql(f"ALTER TABLE {name} ADD COLUMNS ({added})")
    except (AnalysisException, *CONFLICTS):
        if _missing(warehouse, table, columns):
            raise


def _missing(warehouse: Warehouse, table: str, columns: Mapping[str, str]) -> list[str]:
    present = set(warehouse.read(table).columns)
    return [column for column in columns if column not in present]


def render_ddl(table: str, name: str, settings: Settings) -> str:
    """The CREATE TABLE statement of sql/<table>/ddl.sql, for a table called `name`."""
    lines = {"predicted_columns": _means(settings), "distribution_columns": _distribution(settings)}
    text = read_sql(table, "ddl")
    for placeholder, columns in lines.items():
        text = text.replace(f"  {{{placeholder}}}\n", "".join(f"  {column},\n" for column in columns))
    return text.replace("{table}", name).strip().rstrip(";")


def _means(settings: Settings) -> list[str]:
    days = settings.horizon_days
    return [
        f"predicted_{task} DOUBLE COMMENT 'Predicted {task} of the next {days} days: the expected value.'"
        for task in settings.task_names
    ]


def _distribution(settings: Settings) -> list[str]:
    told = {
        "median": "Median of {} of the next {} days; null when the model has no distribution.",
        "p10": "Lower end of the 80 % interval of {} of the next {} days.",
        "p90": "Upper end of the 80 % interval of {} of the next {} days.",
    }
    return [
        f"predicted_{task}_{part} DOUBLE COMMENT '{words.format(task, settings.horizon_days)}'"
        for task in settings.task_names
        for part, words in told.items()
    ]


def read_sql(table: str, kind: str) -> str:
    """Text of sql/<table>/<kind>.sql; `table` may carry its schema. Raises FileNotFoundError without such a file."""
    file = SQL_FOLDER / table.split(".")[-1] / f"{kind}.sql"
    if not file.is_file():
        raise FileNotFoundError(
            f"no file {file}; expected the folder sql beside jobs, in a zip of the code too"
        )
    return file.read_text(encoding="utf-8")


def read_view(table: str) -> str:
    """The CREATE VIEW statement of a consumer table."""
    return read_sql(table, "view").strip().rstrip(";")


def read_checks(table: str) -> dict[str, str]:
    """The queries of sql/<table>/checks.sql by name.

    Each returns (ds, problem, offender) of rows that must not exist.
    """
    return {m["name"]: m["query"].strip() for m in NAMED_CHECK.finditer(read_sql(table, "checks"))}


def absolute_path(path: str) -> str:
    """A relative path made absolute, since SQL knows no working folder; other paths and URIs stay."""
    return path if "://" in path or path.startswith("/") else str(Path.cwd() / path)
