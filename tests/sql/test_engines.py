"""delta-rs and DuckDB read every table that the daily jobs write, and find in it what Spark finds.

(The tables of an evaluation: tests/jobs/test_evaluate_models.py.)
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from jobs import check_scores, check_sequences, publish
from jobs.common.tables import EVALUATION_TABLES, TABLES
from tests.engines import fingerprint, found_by_every_engine
from tests.small_world import SCORED, SmallWorld

DAILY_TABLES = [name for name in TABLES if name not in EVALUATION_TABLES]


def tables_on_disk(root: str) -> list[str]:
    logs = Path(root).glob("*/*/_delta_log")
    return sorted(f"{log.parent.parent.name}.{log.parent.name}" for log in logs)


def test_the_jobs_write_the_tables_of_the_list_and_no_others(small_world: SmallWorld) -> None:
    assert tables_on_disk(small_world.warehouse.root) == sorted(DAILY_TABLES)


@pytest.fixture(scope="module", autouse=True)
def published(small_world: SmallWorld) -> None:
    """Tests before this file may have built or scored again, which takes the days out of ops.published_days, and what
    was found about them out of ops.check_results."""
    for job in (check_sequences, check_scores, publish):
        assert small_world.run(job.main, SCORED) == 0


@pytest.mark.parametrize("name", DAILY_TABLES)
def test_every_engine_finds_the_same_rows(name: str, small_world: SmallWorld) -> None:
    ours = found_by_every_engine(small_world.warehouse, name)
    assert name.startswith("quarantine.") or next(iter(ours.values()))[0] > 0


def test_a_swapped_or_a_changed_value_shows_in_the_fingerprint() -> None:
    table = pa.table({"x": [1.0, 2.0, None], "days": [[1.0, 2.0], [3.0], []], "name": ["a", None, "b"]})
    other = pa.table({"x": [2.0, 1.5, None], "days": [[2.0, 1.0], [3.0], []], "name": ["a", None, "c"]})
    assert fingerprint(table) == fingerprint(table.take([2, 0, 1]))
    before, after = fingerprint(table), fingerprint(other)
    assert all(before[name] != after[name] for name in table.column_names)


def test_new_tables_are_zstd_with_statistics_of_what_readers_filter_by(small_world: SmallWorld) -> None:
    from pyarrow import parquet

    table = DeltaTable(small_world.warehouse.path("features.sequences"))
    chunk = parquet.ParquetFile(table.file_uris()[0].removeprefix("file://")).metadata.row_group(0).column(0)
    assert chunk.compression == "ZSTD"
    actions = pa.table(table.get_add_actions(flatten=True)).column_names
    found = {name.removeprefix("min.") for name in actions if name.startswith("min.")}
    assert found == {"advertiser_id", "scenario_id"}
