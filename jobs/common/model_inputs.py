"""Rows of features.* -> `m2m.Samples`: one place that knows which columns the model reads, and in which order.

Letters: N rows, F sequence columns, T days, W window lengths.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.common.settings import Settings
from jobs.common.settings_sections import WINDOWS_DAYS
from m2m import FeatureSpec, Samples

WINDOW_SUMS = "advertiser_window_sums"
Floats = NDArray[np.float32]


def feature_spec(settings: Settings) -> FeatureSpec:
    """What the model reads and predicts under these settings."""
    columns = settings.columns
    return FeatureSpec(
        behaviours=tuple(columns.behaviours),
        performance=(*columns.performance, *(ratio.name for ratio in columns.ratios)),
        knowledge=settings.knowledge_columns,
        tasks=settings.task_names,
        history_days=settings.history_days,
        horizon_days=settings.horizon_days,
        windows_days=WINDOWS_DAYS,
        bounded_tasks={settings.active_task: settings.horizon_days},
        task_columns={task.name: task.column or settings.active_day_column for task in settings.tasks},
        counted_tasks=tuple(task.name for task in settings.tasks if not task.column),
    )


def columns_read(spec: FeatureSpec) -> list[str]:
    """The columns of features.* that the model reads, beside `ds`."""
    return [*spec.sequence_columns, WINDOW_SUMS, *spec.knowledge]


def require_columns(found: Collection[str], needed: Sequence[str], where: str) -> None:
    """Raise ValueError naming the columns that are needed and `where` lacks."""
    missing = [name for name in needed if name not in found]
    if missing:
        raise ValueError(f"{where} lacks {missing}, expected {list(needed)}")


def samples_of_arrow(rows: pa.Table | pa.RecordBatch, ds: date, spec: FeatureSpec) -> Samples:
    """Rows of one day. Raises ValueError when a list has another length than the model reads, or is missing."""
    return _samples(
        [_floats(rows.column(name)) for name in spec.sequence_columns],
        _floats(rows.column(WINDOW_SUMS)),
        np.full(rows.num_rows, ds.weekday()),
        [as_text(rows.column(name)) for name in spec.knowledge],
        spec,
    )


def samples_of_pandas(rows: pd.DataFrame, spec: FeatureSpec) -> Samples:
    """Rows of any days, as a pandas UDF gets them: lists as arrays, `ds` as dates. Raises as `samples_of_arrow`."""
    return _samples(
        [_joined(rows[name]) for name in spec.sequence_columns],
        _joined(rows[WINDOW_SUMS]),
        pd.to_datetime(rows["ds"]).dt.weekday.to_numpy(np.int64),
        [as_text(_as_arrow(rows[name])) for name in spec.knowledge],
        spec,
    )


def _as_arrow(column: pd.Series) -> pa.Array:
    # Whole numbers with gaps come as floats in pandas; 3 must not be read as "3.0".
    whole = column.astype("Int64") if pd.api.types.is_float_dtype(column) else column
    return pa.Array.from_pandas(whole)


def _samples(
    sequences: list[Floats],
    window_sums: Floats,
    weekday: NDArray[np.int64],
    knowledge: list[NDArray[np.str_]],
    spec: FeatureSpec,
) -> Samples:
    """sequences: N * T values of each column; window_sums: N * W * F values; knowledge as text, "" = missing."""
    rows, days = len(weekday), spec.history_days
    width = len(spec.windows_days) * len(spec.sequence_columns)
    names = [*spec.sequence_columns, WINDOW_SUMS]
    for name, values in zip(names, [*sequences, window_sums], strict=True):
        expected = width if name == WINDOW_SUMS else days
        if len(values) != rows * expected:
            raise ValueError(
                f"{name} holds {len(values):,} values in {rows:,} rows, expected {expected} in each"
            )
    return Samples(
        sequences=np.stack([values.reshape(rows, days) for values in sequences], axis=1),
        advertiser_window_sums=window_sums.reshape(rows, width),
        weekday=weekday,
        knowledge=dict(zip(spec.knowledge, knowledge, strict=True)),
    )


def _floats(lists: pa.Array | pa.ChunkedArray) -> Floats:
    """All values of a list column, one row after the other; a missing list has none."""
    return np.asarray(pc.list_flatten(lists).to_numpy(zero_copy_only=False), dtype=np.float32)


def _joined(lists: pd.Series) -> Floats:
    filled = [values for values in lists if values is not None]
    return np.concatenate(filled, dtype=np.float32) if filled else np.empty(0, np.float32)


def as_text(column: pa.Array | pa.ChunkedArray) -> NDArray[np.str_]:
    """As text, "" where missing. Few values repeat, so each is made text once."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    coded = column.dictionary_encode()
    values = np.asarray(["", *coded.dictionary.cast(pa.string()).to_pylist()], dtype=np.str_)
    place = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1
    return np.asarray(values[place], dtype=np.str_)
