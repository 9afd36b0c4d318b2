"""Upkeep changes no row that stays: fewer files, old days gone, dead files removed, and what is read stays readable."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from deltalake import DeltaTable
from pyarrow import parquet
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs import table_maintenance
from jobs.common.publication import PUBLISHED_DAYS, publish_days
from jobs.common.run_log import JOB_RUNS, RunCounts, RunResult, write_run
from jobs.common.session import session_conf
from jobs.common.settings import DEFAULT_SETTINGS, Settings, SettingsError, load_settings
from jobs.common.settings_sections import VACUUM_CHECK
from jobs.common.side_by_side import side_by_side
from jobs.common.spark_metrics import RunMetrics
from jobs.common.tables import ROW_GROUP_BYTES_OF_SAMPLES, RowOrder, row_orders
from jobs.common.upkeep import TableSize, pieces_by_day, rewrite_in_order
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import day, scores, sequences

SEQUENCES, SCORES = "features.sequences", "scores.advertiser_scores"
MB = 2**20


def settings_file(folder: Path, **maintenance: Any) -> str:
    raw = yaml.safe_load(DEFAULT_SETTINGS.read_text())
    raw["maintenance"] |= maintenance
    raw["spark"]["conf"] = {VACUUM_CHECK: False}
    (folder / "settings.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return str(folder / "settings.yaml")


def run(warehouse: Warehouse, first: date, last: date, *more: str) -> int:
    arguments = ["--warehouse", warehouse.root, "--start-ds", str(first), "--end-ds", str(last), *more]
    return table_maintenance.main(arguments)


def in_files(rows: DataFrame, files: int) -> DataFrame:
    return rows.repartition(files)


def pairs(days: Sequence[int], count: int = 40) -> list[dict[str, Any]]:
    """Advertisers in an order that is not the table's."""
    return [{"advertiser_id": f"a{(n * 7) % count:03}", "ds": day(d)} for d in days for n in range(count)]


def in_categories(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "main_category": ("food", "art", "sport")[n % 3]} for n, row in enumerate(rows)]


def content(table: DataFrame) -> list[str]:
    return sorted(row[0] for row in table.select(F.to_json(F.struct("*"))).collect())


def last_commit(warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
    path = Path(warehouse.path(table))
    file = path / "_delta_log" / f"{DeltaTable(str(path)).version():020}.json"
    return [json.loads(line) for line in file.read_text().splitlines()]


def data_changes(commit: Sequence[dict[str, Any]]) -> set[bool]:
    return {action[kind]["dataChange"] for action in commit for kind in ("add", "remove") if kind in action}


def files_of(warehouse: Warehouse, table: str) -> list[str]:
    return [uri.removeprefix("file://") for uri in DeltaTable(warehouse.path(table)).file_uris()]


def test_small_files_of_closed_days_become_one_sorted_file_and_no_row_changes(
    warehouse: Warehouse, settings: Settings
) -> None:
    rows = sequences(warehouse.spark, settings, in_categories(pairs((0, 1, 2))))
    warehouse.replace_days(in_files(rows, 3), SEQUENCES, day(0), day(2))
    before = content(warehouse.read(SEQUENCES))
    assert len(files_of(warehouse, SEQUENCES)) == 9
    assert run(warehouse, day(0), day(1)) == 0
    assert content(warehouse.read(SEQUENCES)) == before
    assert len(files_of(warehouse, SEQUENCES)) == 1 + 1 + 3  # day(2) is not of the range
    assert DeltaTable(warehouse.path(SEQUENCES)).version() == 1
    assert data_changes(last_commit(warehouse, SEQUENCES)) == {False}
    order = row_orders(settings.knowledge_columns)[SEQUENCES].columns
    for file in files_of(warehouse, SEQUENCES):
        if f"ds={day(2)}" not in file:
            keys = [tuple(row.values()) for row in parquet.read_table(file, columns=list(order)).to_pylist()]
            assert keys == sorted(keys) and len(keys) == 40
    assert run(warehouse, day(0), day(1)) == 0
    assert DeltaTable(warehouse.path(SEQUENCES)).version() == 1


def test_other_tables_and_the_run_log_are_packed_in_one_commit_each(
    warehouse: Warehouse, settings: Settings
) -> None:
    rows = in_files(scores(warehouse.spark, settings, pairs((0, 1))), 3)
    warehouse.replace_days(rows, SCORES, day(0), day(1))
    for _ in range(3):
        result = RunResult("publish", day(0), day(0), 1.0, "v", "done")
        write_run(warehouse, result, RunCounts(), RunMetrics())
    before = {table: content(warehouse.read(table)) for table in (SCORES, JOB_RUNS)}
    assert run(warehouse, day(0), day(1)) == 0
    assert content(warehouse.read(SCORES)) == before[SCORES]
    assert len(files_of(warehouse, SCORES)) == 2
    assert (DeltaTable(warehouse.path(SCORES)).version(), data_changes(last_commit(warehouse, SCORES))) == (
        1,
        {False},
    )
    log = content(warehouse.read(JOB_RUNS).where("job = 'publish'"))
    assert (log, len(files_of(warehouse, JOB_RUNS))) == (before[JOB_RUNS], 2)  # the run's own row came later


def test_a_writer_who_comes_between_look_and_write_is_not_overwritten(
    warehouse: Warehouse, settings: Settings
) -> None:
    def write(advertisers: int) -> None:
        rows = sequences(warehouse.spark, settings, pairs((0,), advertisers))
        warehouse.replace_days(in_files(rows, 3), SEQUENCES, day(0), day(0))

    write(10)
    compact = RowOrder(("advertiser_id",))
    for advertisers in (20, 30):
        side_by_side(
            warehouse.spark,
            lambda n=advertisers: write(n),  # type: ignore[misc]
            lambda: rewrite_in_order(warehouse, SEQUENCES, (day(0), day(0)), compact, 128 * MB),
        )
        assert warehouse.read(SEQUENCES).count() == advertisers


def test_days_beyond_retention_go_whole_and_the_newest_published_day_stays(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    everyday = pairs((-30, -28, -25, -24, -20, -14, 0), 2)
    warehouse.replace_days(scores(warehouse.spark, settings, everyday), SCORES, day(-30), day(0))
    warehouse.replace_days(sequences(warehouse.spark, settings, everyday), SEQUENCES, day(-30), day(0))
    published = [(day(n), "1", 1, 1, 1) for n in (-28, -25, -20)]
    publish_days(warehouse, published, day(-28), day(-20))
    file = settings_file(tmp_path, keep_days={SCORES: 14, SEQUENCES: 25})
    assert run(warehouse, day(0), day(0), "--settings", file) == 0
    figures = (F.min("ds"), F.max("ds"), F.count("*"))
    kept = {table: warehouse.read(table).agg(*figures).first() for table in (SCORES, SEQUENCES)}
    assert tuple(kept[SCORES]) == (day(-20), day(0), 2 * 3)
    assert tuple(kept[SEQUENCES]) == (day(-24), day(0), 2 * 4)
    assert [row["ds"] for row in warehouse.read(PUBLISHED_DAYS).collect()] == [day(-20)]
    # A rerun finds nothing to delete, not even with a mistyped year: then the table's newest day counts.
    versions = [DeltaTable(warehouse.path(table)).version() for table in (SCORES, SEQUENCES)]
    assert run(warehouse, day(0), date(2062, 4, 30), "--settings", file) == 0
    assert [DeltaTable(warehouse.path(table)).version() for table in (SCORES, SEQUENCES)] == versions


def test_dead_files_and_old_checkpoints_are_removed_after_the_vacuum_hours_only(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    rows = sequences(warehouse.spark, settings, pairs((0,)))
    warehouse.replace_days(in_files(rows, 3), SEQUENCES, day(0), day(0))
    kept, old = (Path(warehouse.root) / "checkpoints" / f"train_model-{n}.safetensors" for n in "ab")
    kept.parent.mkdir()
    for file in (kept, old):
        file.touch()
    os.utime(old, (time.time() - 169 * 3600,) * 2)
    on_disk: Callable[[], int] = lambda: len(list(Path(warehouse.path(SEQUENCES)).glob("ds=*/*.parquet")))  # noqa: E731
    assert run(warehouse, day(0), day(0)) == 0
    assert (on_disk(), kept.exists(), old.exists()) == (4, True, False)
    with session_conf(warehouse.spark, {VACUUM_CHECK: "false"}):
        assert run(warehouse, day(0), day(0), "--settings", settings_file(tmp_path, vacuum_hours=0)) == 0
    assert (on_disk(), kept.exists()) == (1, False)
    assert warehouse.read(SEQUENCES).count() == 40


def test_a_day_is_written_again_only_when_its_files_are_small() -> None:
    found = {
        day(0): TableSize(1, 10),
        day(1): TableSize(4, 100),
        day(2): TableSize(2, 100),
        day(3): TableSize(9, 260),
        day(4): TableSize(3, 240),
    }
    assert pieces_by_day(found, 100) == {day(1): 1, day(3): 3}


def test_samples_keep_the_row_groups_that_training_shuffles() -> None:
    from jobs import build_samples

    order = row_orders(())["features.samples"]
    assert order.row_group_bytes == ROW_GROUP_BYTES_OF_SAMPLES == build_samples.ROW_GROUP_BYTES_OF_SAMPLES


def test_settings_refuse_what_would_hurt_and_keep_what_training_reads(tmp_path: Path) -> None:
    def load(**maintenance: Any) -> Settings:
        raw = yaml.safe_load(DEFAULT_SETTINGS.read_text())
        raw["maintenance"] |= maintenance
        (tmp_path / "s.yaml").write_text(yaml.safe_dump(raw))
        return load_settings(tmp_path / "s.yaml")

    with pytest.raises(SettingsError, match=r"vacuum_hours is 167; allowed is 168 or more"):
        load(vacuum_hours=167)
    with pytest.raises(SettingsError, match=r"facts\.advertiser_profile.*a table that can lose days"):
        load(keep_days={"facts.advertiser_profile": 100})
    with pytest.raises(SettingsError, match="greater than or equal to 14"):
        load(keep_days={SEQUENCES: 13})
    found = load(keep_days={"features.samples": 14, "facts.advertiser_daily": 14, SCORES: None})
    tables = ("features.samples", "facts.advertiser_daily", SCORES, SEQUENCES)
    assert [found.keep_days(table) for table in tables] == [74 + 7, 74 + 7 + 40, None, None]
