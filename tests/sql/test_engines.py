"""delta-rs and DuckDB read every table that the jobs write, and find in it what Spark finds."""

from __future__ import annotations

import zlib
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from jobs import check_scores, check_sequences, publish
from jobs.common.tables import TABLES
from tests.small_world import SCORED, SmallWorld

Fingerprint = dict[str, tuple[int, ...]]


def tables_on_disk(root: str) -> list[str]:
    logs = Path(root).glob("*/*/_delta_log")
    return sorted(f"{log.parent.parent.name}.{log.parent.name}" for log in logs)


def fingerprint(table: pa.Table) -> Fingerprint:
    """Rows, nulls and a sum over the exact values of each column, whatever the order of rows."""
    return {name: (table.num_rows, *of_column(table[name].combine_chunks())) for name in table.column_names}


def of_column(values: pa.Array) -> tuple[int, ...]:
    if isinstance(values, pa.ListArray | pa.LargeListArray):
        filled = values.drop_null()
        lengths = filled.value_lengths().to_numpy(zero_copy_only=False)
        within = np.concatenate([np.arange(1, n + 1) for n in lengths]) if len(lengths) else np.zeros(0, int)
        return (values.null_count, len(within), total(filled.flatten(), within))
    return (values.null_count, total(values.drop_null(), None))


def total(values: pa.Array, weights: np.ndarray | None) -> int:
    """Sum of the values' bits; of a list's, weighted by their place in it."""
    numbers = bits(values)
    return int((numbers if weights is None else numbers * weights.astype(np.uint64)).sum(dtype=np.uint64))


def bits(values: pa.Array) -> np.ndarray:
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return np.array([zlib.crc32(text.encode()) for text in values.to_pylist()], np.uint64)
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.timestamp("us", kind.tz)).cast(pa.int64())
    elif pa.types.is_date32(kind):
        values = values.cast(pa.int32())
    elif pa.types.is_boolean(kind):
        values = pc.cast(values, pa.int8())
    found = values.to_numpy(zero_copy_only=False)
    return found.view(f"u{found.dtype.itemsize}").astype(np.uint64)


def in_duckdb(table: DeltaTable) -> pa.Table:
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.register("t", table.to_pyarrow_dataset())
    return database.execute("SELECT * FROM t").to_arrow_table()


def test_the_jobs_write_the_tables_of_the_list_and_no_others(small_world: SmallWorld) -> None:
    assert tables_on_disk(small_world.warehouse.root) == sorted(TABLES)


@pytest.fixture(scope="module", autouse=True)
def published(small_world: SmallWorld) -> None:
    """Tests before this file may have built or scored again, which takes the days out of ops.published_days, and what
    was found about them out of ops.check_results."""
    for job in (check_sequences, check_scores, publish):
        assert small_world.run(job.main, SCORED) == 0


@pytest.mark.parametrize("name", TABLES)
def test_every_engine_finds_the_same_rows(name: str, small_world: SmallWorld) -> None:
    ours = fingerprint(small_world.warehouse.read(name).toArrow())
    table = DeltaTable(small_world.warehouse.path(name))
    assert ours == fingerprint(pa.table(table.to_pyarrow_table()))
    assert ours == fingerprint(in_duckdb(table))
    assert len(ours) > 1 and (name.startswith("quarantine.") or next(iter(ours.values()))[0] > 0)


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
