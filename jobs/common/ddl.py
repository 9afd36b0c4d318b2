"""The SQL files of the consumer tables, sql/<table>/: the table, its view, its audits."""

from __future__ import annotations

import re
from pathlib import Path

from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse

SQL_FOLDER = Path(__file__).parents[2] / "sql"
CONSUMER_TABLES = (
    "scores.advertiser_scores",
    "engagement.candidates",
    "engagement.rewarded_task",
    "engagement.push_message",
)
NAMED_CHECK = re.compile(r"^-- check: *(?P<name>\w+)\n(?P<query>[^;]+);", re.MULTILINE)


def create_table(warehouse: Warehouse, table: str, settings: Settings) -> None:
    """Create a consumer table with its column comments when it is not there."""
    if not warehouse.exists(table):
        path = absolute_path(warehouse.path(table))
        warehouse.spark.sql(render_ddl(table, f"delta.`{path}`", settings))


def render_ddl(table: str, name: str, settings: Settings) -> str:
    """The CREATE TABLE statement of sql/<table>/ddl.sql, for a table called `name`."""
    days = settings.horizon_days
    predictions = [
        f"  predicted_{name} DOUBLE COMMENT 'Predicted {name} of the next {days} days.',\n"
        for name in settings.task_names
    ]
    text = read_sql(table, "ddl").replace("  {predicted_columns}\n", "".join(predictions))
    return text.replace("{table}", name).strip().rstrip(";")


def read_sql(table: str, kind: str) -> str:
    """Text of sql/<table>/<kind>.sql; `table` may carry its schema."""
    return (SQL_FOLDER / table.split(".")[-1] / f"{kind}.sql").read_text(encoding="utf-8")


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
