"""Late, corrected and deleted rows of earlier days: found again, replaced where they changed, otherwise left alone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs.common.freshness import FeatureInputs, record_built, stale_days
from jobs.common.input_days import FACTS, INPUT_DAYS, PROFILES, figures_of_table, recorded_figures
from jobs.common.pairs import PAIRS, read_pairs
from jobs.common.settings import DEFAULT_SETTINGS, Settings
from jobs.common.warehouse import Warehouse
from jobs.ingest_facts import main
from tests.jobs.test_ingest_facts import HEADER, facts, row, write_csv

FIRST, DAYS = date(2026, 4, 1), range(6)
REJECTED = "quarantine.advertiser_daily"
PROFILE = ["advertiser_id", "ds", "business_scale", "main_category", "star_level"]
LATER = "2026-05-01 00:00:00"
Rows = Sequence[Mapping[str, Any]]


def ds(offset: int) -> date:
    return FIRST + timedelta(days=offset)


class Source:
    """Landing of one warehouse, partitioned by day, and ingest of its days."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse, self.root = warehouse, Path(warehouse.root) / "landing"
        write_csv(
            self.root / "scenario" / "s.csv",
            [["search", "search"], ["feed", "feed"]],
            ["scenario_id", "scenario_type"],
        )
        self.deliver_profile(0, [["a1", 3, "shoes", 2]])

    def deliver(self, day: int, rows: Rows) -> None:
        """The whole partition of a day, as the source writes it again when a row of it changes."""
        header = [name for name in HEADER if name != "ds"]
        whole = [row(**{"ingested_at": LATER, **changes}) for changes in rows]
        write_csv(self.partition("advertiser_daily", day), [r[:2] + r[3:] for r in whole], header)

    def deliver_profile(self, day: int, rows: Sequence[Sequence[Any]]) -> None:
        header = [name for name in PROFILE if name != "ds"]
        write_csv(self.partition("advertiser_profile", day), rows, header)

    def partition(self, entity: str, day: int) -> Path:
        return self.root / entity / f"ds={ds(day)}" / "part-0.csv"

    def remove(self, entity: str, day: int) -> None:
        shutil.rmtree(self.partition(entity, day).parent)

    def ingest(self, first: int, last: int | None = None, *more: str) -> None:
        days = ["--start-ds", str(ds(first)), "--end-ds", str(ds(first if last is None else last))]
        assert main([*days, "--warehouse", self.warehouse.root, *more]) == 0

    def versions(self, *tables: str) -> list[int]:
        return [DeltaTable(self.warehouse.path(table)).version() for table in tables]

    def quarantine(self) -> list[tuple[int, str, tuple[str, ...]]]:
        """(day it lies under, advertiser, reasons)"""
        rows = self.warehouse.read(REJECTED).collect()
        return sorted(((r.ds - FIRST).days, r.advertiser_id, tuple(r.dq_errors)) for r in rows)

    def clicks(self) -> dict[tuple[str, int], int]:
        return {
            (advertiser, (day - FIRST).days): clicks
            for advertiser, _, day, clicks, _ in facts(self.warehouse)
        }

    def first_days(self) -> dict[str, int]:
        return {r.advertiser_id: (r.first_ds - FIRST).days for r in read_pairs(self.warehouse).collect()}

    def assert_books_agree(self, settings: Settings) -> None:
        """facts.pairs and ops.input_days say what the facts say."""
        first: dict[str, int] = {}
        for advertiser, day in self.clicks():
            first[advertiser] = min(day, first.get(advertiser, day))
        assert self.first_days() == first
        for table in (FACTS, PROFILES):
            kept = {d: f for d, f in recorded_figures(self.warehouse)[table].items() if f.rows}
            assert kept == figures_of_table(self.warehouse, settings, table)


@pytest.fixture(scope="module")
def ingested(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Days 0 .. 4 ingested: a1 every day, b on day 2 only; a bad row on day 3. The warehouse's folder."""
    source = Source(Warehouse(spark, str(tmp_path_factory.mktemp("ingested") / "warehouse")))
    for day in range(5):
        source.deliver(day, [{}, *([{"advertiser_id": "b"}] if day == 2 else [])])
    source.deliver(3, [{}, {"advertiser_id": "bad", "clicks": -1}])
    source.ingest(0, 4)
    source.deliver(5, [{}])
    return source.warehouse.root


@pytest.fixture
def source(warehouse: Warehouse, ingested: str) -> Source:
    """A copy of `ingested` for one test."""
    shutil.copytree(ingested, warehouse.root)
    return Source(warehouse)


def test_late_and_corrected_rows_of_earlier_days_are_taken_in(
    source: Source, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    source.deliver(2, [{"clicks": 50}, {"advertiser_id": "b"}])
    source.deliver(4, [{}, {"advertiser_id": "late"}])
    source.deliver(1, [{}, {"advertiser_id": "too_late"}])
    inputs = FeatureInputs.read(source.warehouse, settings)
    source.ingest(5)
    told = [line for line in capsys.readouterr().err.splitlines() if "other rows now" in line]
    assert told == [f"ingest_facts: advertiser_daily: earlier days with other rows now: {ds(2)}, {ds(4)}"]
    expected = {("a1", day): 5 for day in DAYS} | {("a1", 2): 50, ("b", 2): 5, ("late", 4): 5}
    assert source.clicks() == expected
    source.assert_books_agree(settings)
    log = source.warehouse.read("ops.job_runs").orderBy("finished_at").collect()[-1]
    assert (log.start_ds, log.end_ds, log.rows_out) == (ds(5), ds(5), 5)
    # Days 2, 4 and 5 changed; two changed days and the new pair of day 4 reach every day from 2 on.
    after = FeatureInputs.read(source.warehouse, settings)
    assert [day for day in DAYS if inputs.of(ds(day)) != after.of(ds(day))] == [2, 3, 4, 5]
    # One run later the days before it are as they were delivered: nothing to correct, nothing written but the day.
    source.ingest(5)
    assert "other rows now" not in capsys.readouterr().err and source.clicks() == expected


def test_a_run_over_a_landing_that_did_not_change_writes_nothing_but_its_own_days(
    source: Source, settings: Settings
) -> None:
    source.ingest(5)
    before = source.clicks(), source.quarantine(), source.versions(PAIRS, INPUT_DAYS, PROFILES)
    assert source.quarantine() == [(3, "bad", ("clicks_negative",))]
    commits = DeltaTable(source.warehouse.path(FACTS)).history(1)[0]["operationParameters"]["predicate"]
    assert str(ds(5)) in commits and str(ds(4)) not in commits
    # The next day has no row yet to replace: only its look-back could write.
    source.deliver(6, [])
    source.ingest(6)
    source.ingest(6)
    assert (source.clicks(), source.quarantine(), source.versions(PAIRS, INPUT_DAYS, PROFILES)) == before
    source.assert_books_agree(settings)


def test_rows_deleted_at_the_source_go_and_a_day_that_left_landing_stays(
    source: Source, settings: Settings
) -> None:
    source.deliver(2, [{}])
    source.remove("advertiser_daily", 3)
    source.remove("advertiser_daily", 4)
    source.ingest(5)
    assert source.clicks() == {("a1", day): 5 for day in DAYS}
    assert source.first_days() == {"a1": 0} and source.quarantine() == [(3, "bad", ("clicks_negative",))]
    source.assert_books_agree(settings)


def test_a_first_row_that_was_corrected_away_moves_the_first_day(source: Source, settings: Settings) -> None:
    source.deliver(2, [{}])
    source.deliver(4, [{}, {"advertiser_id": "b"}])
    source.ingest(5)
    assert source.first_days() == {"a1": 0, "b": 4}
    source.assert_books_agree(settings)


def test_a_bad_row_that_was_mended_leaves_quarantine_and_a_new_one_enters_it(source: Source) -> None:
    source.deliver(3, [{}, {"advertiser_id": "bad", "clicks": 1}])
    source.deliver(4, [{}, {"advertiser_id": "worse", "gmv": "x"}])
    facts_before = source.versions(FACTS)
    source.ingest(5)
    assert source.clicks()["bad", 3] == 1
    assert source.quarantine() == [(4, "worse", ("gmv_not_a_number",))]
    assert source.versions(FACTS) == [facts_before[0] + 1]


def test_rows_without_a_day_that_an_earlier_run_reported_stay_when_its_day_is_corrected(
    source: Source,
) -> None:
    undated = source.root / "advertiser_daily" / "ds=never" / "part-0.csv"
    header = [name for name in HEADER if name != "ds"]
    lost = row(advertiser_id="lost")
    write_csv(undated, [lost[:2] + lost[3:]], header)
    source.ingest(4)
    shutil.rmtree(undated.parent)
    source.deliver(4, [{}, {"advertiser_id": "bad", "clicks": -1}])
    source.ingest(5)
    assert [found for found in source.quarantine() if found[0] == 4] == [
        (4, "bad", ("clicks_negative",)),
        (4, "lost", ("ds_invalid",)),
    ]


def test_a_corrected_snapshot_is_taken_in_with_and_without_one_of_the_day(
    source: Source, settings: Settings
) -> None:
    source.deliver_profile(4, [["a1", 3, "shoes", 4]])
    source.ingest(5)
    assert {r.star_level for r in source.warehouse.read(PROFILES).collect()} == {2, 4}
    source.deliver_profile(4, [["a1", 3, "shoes", 5]])
    source.deliver_profile(5, [["a1", 3, "shoes", 6]])
    source.ingest(5)
    rows = source.warehouse.read(PROFILES).collect()
    assert {((r.ds - FIRST).days, r.star_level) for r in rows} == {(0, 2), (4, 5), (5, 6)}
    source.assert_books_agree(settings)


def test_a_run_killed_between_facts_and_books_is_repaired_by_the_next(
    source: Source, settings: Settings
) -> None:
    books = {table: source.versions(table)[0] for table in (PAIRS, INPUT_DAYS)}
    source.deliver(2, [{}])
    source.deliver(4, [{}, {"advertiser_id": "late"}])
    source.ingest(5)
    for (
        table,
        version,
    ) in books.items():  # the facts are committed, the books are not: as a kill would leave it
        source.warehouse.spark.sql(
            f"restore table delta.`{source.warehouse.path(table)}` to version as of {version}"
        )
    assert source.first_days() == {"a1": 0, "b": 2}
    source.ingest(5)
    source.assert_books_agree(settings)


def test_a_warehouse_of_before_the_books_gets_them_whole(source: Source, settings: Settings) -> None:
    before = FeatureInputs.read(source.warehouse, settings)
    for table in (PAIRS, INPUT_DAYS):
        shutil.rmtree(source.warehouse.path(table))
    assert FeatureInputs.read(source.warehouse, settings) == before
    source.ingest(5)
    source.assert_books_agree(settings)


def test_days_in_any_order_give_the_same_facts_pairs_and_figures(
    spark: SparkSession, tmp_path: Path, settings: Settings
) -> None:
    """Five rows of 45 are late, each of a pair not seen before: they come when other days are ingested already."""
    orders, found = ([(0, 2), (3, 5)], [(3, 5), (0, 2)]), []
    for number, order in enumerate(orders):
        source = Source(Warehouse(spark, str(tmp_path / str(number))))
        everyone = {day: [{"advertiser_id": f"a{n}"} for n in range(day + 5)] for day in DAYS}
        for day, rows in everyone.items():
            source.deliver(day, rows[:-1] if day else rows)
        source.ingest(*order[0])
        for day, rows in everyone.items():
            source.deliver(day, rows)
        for first, last in (order[1], order[0]):
            source.ingest(first, last)
        source.assert_books_agree(settings)
        found.append((source.clicks(), source.first_days(), FeatureInputs.read(source.warehouse, settings)))
    assert found[0] == found[1]


def test_late_days_is_a_setting_and_stale_days_follow_from_it(
    source: Source, settings: Settings, tmp_path: Path
) -> None:
    table, warehouse = "features.sequences", source.warehouse
    inputs = FeatureInputs.read(warehouse, settings)
    record_built(warehouse, table, {ds(d): inputs.of(ds(d)) for d in range(5)}, ds(0), ds(4))
    warehouse.replace_days(warehouse.read(FACTS), table, ds(0), ds(4))
    source.deliver(3, [{"clicks": 8}])
    raw = yaml.safe_load(DEFAULT_SETTINGS.read_text()) | {"late_days": 1}
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(raw, sort_keys=False))
    source.ingest(5, None, "--settings", str(file))
    assert stale_days(warehouse, FeatureInputs.read(warehouse, settings), table) == []
    source.ingest(5)
    assert stale_days(warehouse, FeatureInputs.read(warehouse, settings), table) == [ds(3), ds(4)]


def test_a_flat_folder_that_lost_an_older_file_deletes_no_facts(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Source(warehouse)
    flat = source.root / "advertiser_daily" / "part-0.csv"
    early = [row(advertiser_id=f"a{n}", ds=str(ds(0))) for n in range(3)]
    write_csv(flat, early)
    source.ingest(0)
    # The next file holds the next day and one late row of the day before; the older file has gone to an archive.
    write_csv(flat, [row(ds=str(ds(1))), row(advertiser_id="a9", ds=str(ds(0)))])
    source.ingest(1)
    assert "left alone, since landing holds fewer rows of them than the facts" in capsys.readouterr().err
    assert sorted(source.clicks()) == [("a0", 0), ("a1", 0), ("a1", 1), ("a2", 0)]
    # A corrupt row alone of a day is no reason to empty it either.
    write_csv(flat, [row(ds=str(ds(2))), row(clicks="x", ds=str(ds(1)))])
    source.ingest(2)
    assert ("a1", 1) in source.clicks()
