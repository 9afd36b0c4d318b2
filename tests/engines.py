"""Whether delta-rs and DuckDB find in a table what Spark finds."""

from __future__ import annotations

import zlib

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from jobs.common.warehouse import Warehouse

Fingerprint = dict[str, tuple[int, ...]]


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


def found_by_every_engine(warehouse: Warehouse, name: str) -> Fingerprint:
    """The table's fingerprint, the same in Spark, delta-rs and DuckDB."""
    ours, table = fingerprint(warehouse.read(name).toArrow()), DeltaTable(warehouse.path(name))
    assert ours == fingerprint(pa.table(table.to_pyarrow_table()))
    assert ours == fingerprint(in_duckdb(table))
    assert len(ours) > 1
    return ours
