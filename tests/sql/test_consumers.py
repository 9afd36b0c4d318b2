"""What consumers read: views and queries give the same rows in Spark SQL and in DuckDB over delta-rs."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs import produce_engagement, publish, select_candidates
from jobs.common.catalog import REGISTERED_TABLES, register_views
from jobs.common.ddl import CONSUMER_TABLES, SQL_FOLDER, create_table, read_checks
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import DAY, arguments, day, ending, flat, pass_checks, scores, sequences

VIEWS = [f"consumer.{table.split('.')[1]}" for table in CONSUMER_TABLES]
EXAMPLES = sorted(path.name for path in (SQL_FOLDER / "examples").glob("*.sql"))
NEWER = day(1)


@pytest.fixture(scope="module")
def warehouse(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two days go through selection and production; only the older one is published."""
    built = Warehouse(spark, str(tmp_path_factory.mktemp("consumers") / "warehouse"))
    rows: list[dict[str, Any]] = []
    for ds in (DAY, NEWER):
        rows += [{"advertiser_id": f"a{n:02}", "ds": ds} for n in range(30)]
        rows += [{"advertiser_id": f"a{n:02}", "ds": ds, "scenario_id": "feed"} for n in range(10)]
    lulled = [
        {**row, "expenditure": ending(*[3.0 + n] * 7, 0, 0, before=9)} for n, row in enumerate(rows[::2])
    ]
    small = [{**row, "expenditure": flat(2.0)} for row in rows[1::2]]
    create_table(built, "scores.advertiser_scores", settings)
    built.replace_days(scores(spark, settings, rows), "scores.advertiser_scores", DAY, NEWER)
    built.replace_days(sequences(spark, settings, lulled + small), "features.sequences", DAY, NEWER)
    pass_checks(built, DAY)
    assert select_candidates.main(arguments(built, DAY, NEWER)) == 0
    assert produce_engagement.main(arguments(built, DAY, NEWER)) == 0
    assert publish.main(arguments(built, DAY)) == 0
    return built


@pytest.fixture(scope="module")
def in_spark(spark: SparkSession, warehouse: Warehouse) -> SparkSession:
    register_views(spark, warehouse)
    return spark


@pytest.fixture(scope="module")
def in_duckdb(warehouse: Warehouse) -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'; CREATE SCHEMA consumer")
    for table in REGISTERED_TABLES:
        schema, name = table.split(".")
        database.register(name, DeltaTable(warehouse.path(table)).to_pyarrow_dataset())
        database.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE VIEW {table} AS SELECT * FROM {name}")
    for table in CONSUMER_TABLES:
        database.execute((SQL_FOLDER / table.split(".")[1] / "view.sql").read_text())
    return database


def plain(value: Any) -> Any:
    """A time without its zone, so that both engines' ways of saying UTC compare equal."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def spark_rows(spark: SparkSession, query: str) -> list[tuple[Any, ...]]:
    frame = spark.sql(query.strip().rstrip(";"))
    # collect() would shift timestamps to the machine's own zone.
    utc = frame.selectExpr(
        *[f"cast({n} as timestamp_ntz) as {n}" if t == "timestamp" else n for n, t in frame.dtypes]
    )
    return [tuple(map(plain, row)) for row in utc.collect()]


def duckdb_rows(database: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(map(plain, row)) for row in database.execute(query).fetchall()]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_the_same_rows_of_the_published_day_in_both_engines(
    view: str, in_spark: SparkSession, in_duckdb: duckdb.DuckDBPyConnection
) -> None:
    ours, theirs = (sorted(rows, key=str) for rows in (
        spark_rows(in_spark, f"SELECT * FROM {view}"), duckdb_rows(in_duckdb, f"SELECT * FROM {view}")
    ))  # fmt: skip
    assert ours == theirs
    assert len(ours) > 0
    assert {value for row in ours for value in row if type(value) is date} - {day(1), day(7)} == {DAY}


def test_an_unpublished_newer_day_is_there_but_not_shown(
    in_spark: SparkSession, warehouse: Warehouse
) -> None:
    assert warehouse.newest_day("engagement.rewarded_task") == NEWER
    assert spark_rows(in_spark, "SELECT DISTINCT ds FROM consumer.rewarded_task") == [(DAY,)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_the_same_rows_in_the_same_order_in_both_engines(
    example: str, in_spark: SparkSession, in_duckdb: duckdb.DuckDBPyConnection
) -> None:
    query = (SQL_FOLDER / "examples" / example).read_text()
    ours = spark_rows(in_spark, query)
    assert ours == duckdb_rows(in_duckdb, query)
    assert len(ours) > 1


def test_there_are_three_examples() -> None:
    assert EXAMPLES == ["message_queue.sql", "reward_budget_by_scenario.sql", "who_was_picked_and_why.sql"]


@pytest.mark.parametrize("table", CONSUMER_TABLES)
def test_every_check_runs_in_duckdb_too_and_finds_nothing(
    table: str, in_duckdb: duckdb.DuckDBPyConnection
) -> None:
    checks = read_checks(table)
    assert len(checks) >= 1
    assert {name: duckdb_rows(in_duckdb, query) for name, query in checks.items()} == {
        name: [] for name in checks
    }


@pytest.mark.parametrize("table", CONSUMER_TABLES)
def test_every_column_of_a_consumer_table_has_a_comment(table: str, warehouse: Warehouse) -> None:
    fields = {field.name: field.metadata.get("comment", "") for field in warehouse.read(table).schema.fields}
    assert [name for name, comment in fields.items() if not comment.endswith(".")] == []


def test_the_tables_are_written_without_deletion_vectors_and_by_day(warehouse: Warehouse) -> None:
    for table in CONSUMER_TABLES:
        delta = DeltaTable(warehouse.path(table))
        assert delta.metadata().configuration["delta.enableDeletionVectors"] == "false"
        assert delta.metadata().partition_columns == ["ds"]


def test_every_folder_holds_its_three_files() -> None:
    folders = sorted(path.name for path in SQL_FOLDER.iterdir() if path.is_dir() and path.name != "examples")
    assert folders == sorted(table.split(".")[1] for table in CONSUMER_TABLES)
    for folder in folders:
        assert sorted(path.name for path in (SQL_FOLDER / folder).iterdir()) == [
            "checks.sql",
            "ddl.sql",
            "view.sql",
        ]


def test_the_readme_for_duckdb_works_as_it_stands(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocks = (SQL_FOLDER / "README.md").read_text().split("```python\n")
    code = blocks[-1].split("```")[0]
    (tmp_path / "warehouse").symlink_to(warehouse.root)
    (tmp_path / "sql").symlink_to(SQL_FOLDER)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102
    assert names["db"].sql("SELECT * FROM consumer.push_message").fetchall()
