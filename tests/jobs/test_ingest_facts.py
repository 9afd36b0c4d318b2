"""Landing to facts: good rows arrive, bad rows are quarantined with their reason, files that do not fit are refused."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.common.warehouse import Warehouse
from jobs.ingest_facts import main

HEADER = [
    "advertiser_id", "scenario_id", "ds", "login_count", "campaign_edit_count", "bid_edit_count", "budget_edit_count",
    "impressions", "clicks", "expenditure", "gmv", "ingested_at",
]  # fmt: skip
GOOD = ["a1", "search", "2026-04-01", 1, 0, 0, 2, 100, 5, 12.5, 40.0, "2026-04-02 03:00:00"]
DAYS = ["--start-ds", "2026-04-01", "--end-ds", "2026-04-02"]
Landing = Callable[..., Path]


def row(**changes: Any) -> list[Any]:
    """A good row with some values replaced."""
    return [changes.get(name, value) for name, value in zip(HEADER, GOOD, strict=True)]


def write_csv(file: Path, rows: Sequence[Sequence[Any]], header: Sequence[str] = HEADER) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([header, *rows])


def write_landing(
    warehouse: Warehouse, rows: Sequence[Sequence[Any]] = (GOOD,), header: Sequence[str] = HEADER
) -> Path:
    """A landing folder with these daily rows; returns the folder."""
    root = Path(warehouse.root) / "landing"
    write_csv(root / "advertiser_daily" / "part-0.csv", rows, header)
    profile = ["advertiser_id", "ds", "business_scale", "main_category", "star_level"]
    write_csv(root / "advertiser_profile" / "p.csv", [["a1", "2026-04-01", 3, "shoes", 2]], profile)
    scenarios = [["search", "search"], ["feed", "feed"]]
    write_csv(root / "scenario" / "s.csv", scenarios, ["scenario_id", "scenario_type"])
    return root


@pytest.fixture
def landing(warehouse: Warehouse) -> Landing:
    """Write the test's own landing folder."""
    return partial(write_landing, warehouse)


def ingest(warehouse: Warehouse, *arguments: str) -> int:
    return main([*(arguments or DAYS), "--warehouse", warehouse.root])


def quarantine(warehouse: Warehouse) -> list[tuple[date, list[str]]]:
    rows = warehouse.read("quarantine.advertiser_daily").orderBy("source_ds", "advertiser_id").collect()
    return [(r.ds, r.dq_errors) for r in rows]


def facts(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    rows = warehouse.read("facts.advertiser_daily").orderBy("ds", "advertiser_id", "scenario_id").collect()
    return [(r.advertiser_id, r.scenario_id, r.ds, r.clicks, r.expenditure) for r in rows]


def test_a_good_row_arrives_with_its_types(warehouse: Warehouse, landing: Landing) -> None:
    landing()
    assert ingest(warehouse) == 0
    assert facts(warehouse) == [("a1", "search", date(2026, 4, 1), 5, 12.5)]
    assert dict(warehouse.read("facts.advertiser_daily").dtypes)["impressions"] == "bigint"
    assert warehouse.read("facts.advertiser_profile").first()["main_category"] == "shoes"
    assert {r.scenario_id for r in warehouse.read("facts.scenario").collect()} == {"search", "feed"}
    assert quarantine(warehouse) == []


# Changes of a good row, and the reasons for which that keeps it out of the facts.
BAD_ROWS: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({"clicks": "many"}, ["clicks_not_a_number"]),
    ({"clicks": -1}, ["clicks_negative"]),
    ({"gmv": "NaN"}, ["gmv_not_finite"]),
    ({"impressions": ""}, ["impressions_missing"]),
    ({"advertiser_id": " "}, ["advertiser_id_missing"]),
    ({"scenario_id": "billboard"}, ["scenario_id_unknown"]),
    ({"ds": "1969-12-31"}, ["ds_out_of_range"]),
    ({"ds": "2026-04-31"}, ["ds_invalid"]),
    ({"ds": "2026-04-02", "ingested_at": "2026-04-01 10:00:00"}, ["ds_out_of_range"]),
    ({"clicks": -1, "expenditure": "x"}, ["clicks_negative", "expenditure_not_a_number"]),
)


def bad_row(number: int) -> list[Any]:
    """A row as BAD_ROWS says; its login_count tells it from the others."""
    return row(**{"advertiser_id": f"b{number}", "login_count": 100 + number, **BAD_ROWS[number][0]})


@pytest.fixture(scope="module")
def with_bad_rows(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """One good row and all bad ones, ingested together."""
    warehouse = Warehouse(spark, str(tmp_path_factory.mktemp("bad_rows") / "warehouse"))
    write_landing(warehouse, [GOOD, *map(bad_row, range(len(BAD_ROWS)))])
    assert ingest(warehouse) == 0
    return warehouse


def test_bad_rows_keep_no_good_one_out_and_none_gets_in(with_bad_rows: Warehouse) -> None:
    assert facts(with_bad_rows) == [("a1", "search", date(2026, 4, 1), 5, 12.5)]
    assert with_bad_rows.read("quarantine.advertiser_daily").count() == len(BAD_ROWS)


@pytest.mark.parametrize("number", range(len(BAD_ROWS)), ids=lambda number: ",".join(BAD_ROWS[number][1]))
def test_a_bad_row_is_quarantined_with_its_reasons(with_bad_rows: Warehouse, number: int) -> None:
    errors, bad = BAD_ROWS[number][1], bad_row(number)
    quarantined = with_bad_rows.read("quarantine.advertiser_daily")
    (rejected,) = quarantined.where(f"login_count = '{100 + number}'").collect()
    assert rejected.dq_errors == errors
    # Original values as text, nothing lost.
    assert [rejected[name] for name in ("advertiser_id", "clicks")] == [str(bad[0]), str(bad[8])]
    assert rejected.source_ds == str(bad[2]) and rejected.source_file == "part-0.csv"
    has_no_day = any(error.startswith("ds_") for error in errors)
    assert rejected.ds == (date(2026, 4, 2) if has_no_day else date(2026, 4, 1))


def test_of_a_repeated_key_the_newest_row_wins_whatever_the_file_order(
    warehouse: Warehouse, landing: Landing
) -> None:
    newer = row(clicks=9, ingested_at="2026-04-03 00:00:00")
    for rows in ([GOOD, newer], [newer, GOOD]):
        landing(rows)
        assert ingest(warehouse) == 0
        assert facts(warehouse) == [("a1", "search", date(2026, 4, 1), 9, 12.5)]
        assert quarantine(warehouse) == [(date(2026, 4, 1), ["superseded_by_newer_row"])]


def test_only_the_days_asked_for_are_replaced(warehouse: Warehouse, landing: Landing) -> None:
    landing([GOOD, row(ds="2026-04-02")])
    assert ingest(warehouse) == 0
    late = {"ingested_at": "2026-04-08 00:00:00", "clicks": 7}
    landing([row(clicks=7), *(row(ds=f"2026-04-0{d}", **late) for d in (5, 6, 7))])
    # Earlier days within late_days are read again (test_late_facts.py); these lie before or after.
    assert ingest(warehouse, "--start-ds", "2026-04-06", "--end-ds", "2026-04-06") == 0
    assert [(str(r[2]), r[3]) for r in facts(warehouse)] == [
        ("2026-04-01", 5),
        ("2026-04-02", 5),
        ("2026-04-05", 7),
        ("2026-04-06", 7),
    ]


def test_a_second_run_leaves_the_same_rows(warehouse: Warehouse, landing: Landing) -> None:
    landing([GOOD, row(advertiser_id="a2", clicks=-1)])
    assert ingest(warehouse) == 0
    before = facts(warehouse), quarantine(warehouse)
    assert ingest(warehouse) == 0
    assert (facts(warehouse), quarantine(warehouse)) == before


def test_parquet_partitioned_by_day_is_read_as_well(
    spark: SparkSession, warehouse: Warehouse, landing: Landing
) -> None:
    root = landing()
    (root / "advertiser_daily" / "part-0.csv").unlink()
    columns = [name for name in HEADER if name != "ingested_at"]
    types = ["string", "string", "date", "int", "int", "int", "int", "long", "long", "double", "float"]
    schema = ", ".join(f"{name} {kind}" for name, kind in zip(columns, types, strict=True))
    rows = [("a1", "search", date(2026, 4, d), 1, 0, 0, 2, 100, d, 12.5, 40.0) for d in (1, 2, 3)]
    frame = spark.createDataFrame(rows, schema)
    frame.write.partitionBy("ds").mode("overwrite").parquet(str(root / "advertiser_daily"))
    assert ingest(warehouse) == 0
    assert [(str(r[2]), r[3]) for r in facts(warehouse)] == [("2026-04-01", 1), ("2026-04-02", 2)]


def test_delta_landing_is_read_as_well(spark: SparkSession, warehouse: Warehouse, landing: Landing) -> None:
    root = landing()
    (root / "advertiser_daily" / "part-0.csv").unlink()
    (root / "advertiser_daily").rmdir()
    values = [*GOOD[:2], date(2026, 4, 1), *GOOD[3:11], datetime(2026, 4, 2)]
    frame = spark.createDataFrame([tuple(values)], HEADER)
    frame.write.format("delta").save(str(root / "advertiser_daily"))
    assert ingest(warehouse) == 0
    assert facts(warehouse) == [("a1", "search", date(2026, 4, 1), 5, 12.5)]


def refused(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> str:
    """Ingest is expected to end with status 3 before any fact is written; its last line."""
    assert ingest(warehouse) == 3
    for table in ("facts.scenario", "facts.advertiser_profile", "facts.advertiser_daily"):
        assert not warehouse.exists(table), table
    return capsys.readouterr().err.splitlines()[-1]


def test_a_file_without_a_declared_column_is_refused(warehouse: Warehouse, landing: Landing, capsys) -> None:
    landing([GOOD[:8] + GOOD[9:]], [name for name in HEADER if name != "clicks"])
    message = refused(warehouse, capsys)
    assert (
        "part-0.csv lacks column clicks; expected long, found columns advertiser_id, scenario_id" in message
    )


def test_a_column_of_the_wrong_type_is_refused(
    spark: SparkSession, warehouse: Warehouse, landing: Landing, capsys
) -> None:
    root = landing()
    (root / "advertiser_daily" / "part-0.csv").unlink()
    values = [*GOOD[:2], date(2026, 4, 1), *GOOD[3:8], "five", *GOOD[9:11]]
    frame = spark.createDataFrame([tuple(values)], HEADER[:-1])
    frame.write.mode("overwrite").parquet(str(root / "advertiser_daily"))
    message = refused(warehouse, capsys)
    assert ".parquet, column clicks: expected long, found string" in message


def test_an_empty_file_is_refused(warehouse: Warehouse, landing: Landing, capsys) -> None:
    (landing() / "advertiser_daily" / "part-1.csv").write_text("")
    assert "part-1.csv is empty; expected at least a header" in refused(warehouse, capsys)


def test_a_missing_landing_folder_is_refused(warehouse: Warehouse, capsys) -> None:
    assert "landing/scenario does not exist" in refused(warehouse, capsys)


def test_a_repeated_scenario_is_refused(warehouse: Warehouse, landing: Landing, capsys) -> None:
    root = landing()
    write_csv(
        root / "scenario" / "s.csv", [["search", "a"], ["search", "b"]], ["scenario_id", "scenario_type"]
    )
    assert "expected one row per scenario" in refused(warehouse, capsys)


def test_every_run_is_logged_with_what_it_counted(warehouse: Warehouse, landing: Landing) -> None:
    landing([GOOD, row(clicks=-1, advertiser_id="a2")])
    assert ingest(warehouse) == 0
    (Path(warehouse.root) / "landing" / "advertiser_daily" / "part-0.csv").write_text("")
    assert ingest(warehouse) == 3
    runs = warehouse.read("ops.job_runs").orderBy("finished_at").collect()
    assert [(r.job, r.status) for r in runs] == [("ingest_facts", "done"), ("ingest_facts", "check_failed")]
    assert (runs[0].rows_in, runs[0].rows_out, runs[0].rows_quarantined) == (2, 1, 1)
    assert runs[0].error is None and "is empty" in runs[1].error
    assert runs[0].settings_version and runs[0].code_version and runs[0].seconds > 0
