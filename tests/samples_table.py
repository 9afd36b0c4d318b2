"""A features.samples table of any size in seconds: one Parquet file of made-up rows, named as every day's file.

The rows of a day are the same every day, which is of no account for memory and speed.
"""

from __future__ import annotations

import json
import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import Schema
from deltalake.transaction import AddAction, create_table_with_add_actions

from m2m import FeatureSpec

FIRST_DAY = date(2026, 1, 1)


def write_samples(
    folder: Path, spec: FeatureSpec, days: int, rows_per_day: int, rows_per_group: int = 8192
) -> str:
    """Path of a Delta table with `days` as-of days from FIRST_DAY on."""
    table = make_rows(spec, rows_per_day)
    folder.mkdir(parents=True)
    first = folder / "rows.parquet"
    pq.write_table(table, first, row_group_size=rows_per_group)
    actions = []
    for day in range(days):
        ds = FIRST_DAY + timedelta(days=day)
        file = folder / f"ds={ds}" / "part-00000.snappy.parquet"
        file.parent.mkdir()
        os.link(first, file)
        stats = json.dumps({"numRecords": rows_per_day})
        path = str(file.relative_to(folder))
        actions.append(AddAction(path, file.stat().st_size, {"ds": str(ds)}, 0, True, stats))
    first.unlink()
    schema = table.schema.append(pa.field("ds", pa.date32()))
    create_table_with_add_actions(str(folder), Schema.from_arrow(schema), actions, "overwrite", ["ds"])
    return str(folder)


def make_rows(spec: FeatureSpec, rows: int, seed: int = 0) -> pa.Table:
    """Rows of one day: about half of the values are zero; labels go with the last days' level."""
    generator = np.random.default_rng(seed)
    level = np.exp(generator.normal(0.0, 1.0, size=(rows, 1)))
    kinds = generator.integers(300, size=rows)  # distinct knowledge rows
    columns: dict[str, pa.Array | list[str]] = {
        "advertiser_id": [f"a{row // 3:07d}" for row in range(rows)],
        **{
            name: [f"{name}{kind % (3 + place)}" for kind in kinds]
            for place, name in enumerate(spec.knowledge)
        },
    }
    for name in spec.sequence_columns:
        values = generator.poisson(level, size=(rows, spec.history_days)).astype(np.float32)
        columns[name] = _lists(values)
    sums = np.repeat(7 * level, len(spec.windows_days) * len(spec.sequence_columns), axis=1)
    columns["advertiser_window_sums"] = _lists(sums.astype(np.float32))
    for task in spec.tasks:
        columns[f"label_{task}"] = generator.poisson(spec.horizon_days * level[:, 0]).astype(np.float64)
    return pa.table(columns)


def bytes_in_memory(spec: FeatureSpec, rows: int) -> int:
    """What `rows` rows take as numbers: float32 sequences and window sums, float64 labels."""
    columns = len(spec.sequence_columns)
    return rows * (4 * columns * (spec.history_days + len(spec.windows_days)) + 8 * len(spec.tasks))


def _lists(values: np.ndarray) -> pa.Array:
    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))
