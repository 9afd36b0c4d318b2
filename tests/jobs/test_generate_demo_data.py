"""The job that writes the demo world: schemas, appended days, reruns, blocks, refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from jobs.demo_world import landing
from jobs.generate_demo_data import main

Rows = list[tuple]
DAILY_TYPE = (
    "struct<advertiser_id:string,scenario_id:string,login_count:bigint,campaign_edit_count:bigint,"
    "bid_edit_count:bigint,budget_edit_count:bigint,impressions:bigint,clicks:bigint,expenditure:double,gmv:double,"
    "ingested_at:timestamp,ds:date>"
)
PROFILE_TYPE = "struct<advertiser_id:string,business_scale:int,main_category:string,star_level:int,ds:date>"


@pytest.fixture
def generate(spark: SparkSession, tmp_path: Path) -> Callable[..., int]:
    """Runs the job on 300 advertisers for days written MM-DD of 2026, into <tmp>/<name>."""

    def run(name: str, start: str, end: str, *more: str) -> int:
        days = ["--start-ds", f"2026-{start}", "--end-ds", f"2026-{end}"]
        return main([*days, "--warehouse", str(tmp_path / name), "--advertisers", "300", *more])

    return run


@pytest.fixture
def rows(spark: SparkSession, tmp_path: Path) -> Callable[[str, str], Rows]:
    """Sorted rows of a landing folder."""

    def read(name: str, table: str = "advertiser_daily") -> Rows:
        found = spark.read.parquet(str(tmp_path / name / "landing" / table)).collect()
        return sorted(map(tuple, found), key=repr)

    return read


def test_landing_has_the_promised_columns(spark: SparkSession, generate: Callable, tmp_path: Path) -> None:
    assert generate("one", "01-01", "01-02") == 0
    root = tmp_path / "one" / "landing"
    assert spark.read.parquet(str(root / "advertiser_daily")).schema.simpleString() == DAILY_TYPE
    assert spark.read.parquet(str(root / "advertiser_profile")).schema.simpleString() == PROFILE_TYPE
    scenarios = spark.read.parquet(str(root / "scenario"))
    assert (
        scenarios.schema.simpleString() == "struct<scenario_id:string,scenario_type:string,launched_on:date>"
    )
    assert {tuple(row) for row in scenarios.collect()} == {
        ("sponsored_search", "search", None),
        ("display", "display", None),
        ("star_shop", "brand", date(2026, 3, 12)),
        ("news_feed", "display", None),
        ("brand_search", "brand", None),
    }


def test_rows_have_unique_keys_and_a_source_time_of_the_day_after(
    spark: SparkSession, generate: Callable, tmp_path: Path
) -> None:
    generate("one", "01-05", "01-06")
    frame = spark.read.parquet(str(tmp_path / "one" / "landing" / "advertiser_daily"))
    assert frame.count() == frame.dropDuplicates(["advertiser_id", "scenario_id", "ds"]).count() > 300
    ids = {row[0] for row in frame.select("advertiser_id").collect()}
    assert "a0000012" in ids and max(ids) < "a0000300"
    times = {(row.ds, row.ingested_at) for row in frame.select("ds", "ingested_at").distinct().collect()}
    assert times == {
        (date(2026, 1, 5), datetime(2026, 1, 6, 3)),
        (date(2026, 1, 6), datetime(2026, 1, 7, 3)),
    }


def test_days_appended_one_by_one_are_the_rows_of_one_range(generate: Callable, rows: Callable) -> None:
    generate("range", "01-27", "01-30")
    for day in ("01-30", "01-28", "01-27", "01-29"):
        assert generate("daily", day, day) == 0
    for table in ("advertiser_daily", "advertiser_profile", "scenario"):
        assert rows("daily", table) == rows("range", table)
    assert {row[-1] for row in rows("daily", "advertiser_profile")} == {date(2026, 1, 29)}


def test_a_rerun_replaces_its_days_and_leaves_the_others(
    generate: Callable, rows: Callable, tmp_path: Path
) -> None:
    generate("one", "01-03", "01-05")
    before = rows("one")
    kept = sorted((tmp_path / "one/landing/advertiser_daily/ds=2026-01-03").iterdir())
    generate("one", "01-04", "01-05")
    assert rows("one") == before
    assert sorted((tmp_path / "one/landing/advertiser_daily/ds=2026-01-03").iterdir()) == kept


def test_rows_and_files_do_not_depend_on_the_blocks(
    generate: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate("few", "01-01", "01-02")
    monkeypatch.setattr(landing, "_LARGEST_BLOCK", 37)
    generate("many", "01-01", "01-02")
    for table in ("advertiser_daily", "advertiser_profile"):
        few, many = (
            sorted((tmp_path / name / "landing" / table).glob("ds=*/*.parquet")) for name in ("few", "many")
        )
        assert [file.parent.name for file in few] == sorted({file.parent.name for file in few})
        assert [pq.read_table(f).to_pydict() for f in few] == [pq.read_table(f).to_pydict() for f in many]


def test_another_seed_is_another_world(generate: Callable, rows: Callable) -> None:
    generate("seven", "01-02", "01-02")
    generate("eight", "01-02", "01-02", "--seed", "8")
    assert rows("seven") != rows("eight")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--world-start-ds", "2026-02-01"), "day 2026-01-01 is before the world"),
        (("--world-start-ds", "2026-13-01"), "is not a day of the calendar"),
        (("--advertisers", "0"), "'0' is not a whole number of at least 1"),
        (("--advertisers", "10000001"), "advertisers is 10000001, expected 1 to 10000000"),
        (("--seed", "x"), "'x' is not a whole number"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(
    generate: Callable, capsys: pytest.CaptureFixture[str], tmp_path: Path, more: tuple[str, ...], reason: str
) -> None:
    assert generate("one", "01-01", "01-01", *more) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("generate_demo_data: refused:") and reason in last
    assert not (tmp_path / "one" / "landing").exists()
