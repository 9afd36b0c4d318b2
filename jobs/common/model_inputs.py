"""Rows of features.* <-> `m2m.Samples`: one place that knows which columns the model reads, and in which order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.common.settings import WINDOWS_DAYS, Settings
from m2m import FeatureSpec, Samples

SEQUENCES, WINDOW_SUMS, WEEKDAY = "sequences", "advertiser_window_sums", "weekday"


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
    )


def input_columns(settings: Settings) -> list[Column]:
    """The model's inputs of a features.* row, under fixed names.

    sequences: array<float> of F * T values, column by column; weekday: 0 = Monday; knowledge as text, "" = missing.
    """
    knowledge = [F.coalesce(F.col(c).cast("string"), F.lit("")).alias(c) for c in settings.knowledge_columns]
    sequences = F.flatten(F.array(*settings.columns.sequences)).alias(SEQUENCES)
    return [sequences, F.col(WINDOW_SUMS), F.weekday("ds").alias(WEEKDAY), *knowledge]


def samples_of(
    sequences: NDArray[np.float32],
    window_sums: NDArray[np.float32],
    weekday: NDArray[np.int64],
    knowledge: list[NDArray[np.str_]],
    spec: FeatureSpec,
) -> Samples:
    """Flat arrays of one batch -> Samples. sequences: N * F * T values; window_sums: N * W * F values."""
    rows, columns = len(weekday), len(spec.sequence_columns)
    return Samples(
        sequences=sequences.reshape(rows, columns, spec.history_days),
        advertiser_window_sums=window_sums.reshape(rows, len(spec.windows_days) * columns),
        weekday=weekday,
        knowledge=dict(zip(spec.knowledge, knowledge, strict=True)),
    )


def collect_samples(rows: DataFrame, settings: Settings) -> Samples:
    """Rows of features.samples as one Samples with labels and keys, ordered by key so that a rerun sees the same."""
    spec = feature_spec(settings)
    labels = [F.col(f"label_{task}") for task in spec.tasks]
    # Model inputs come first by name: scenario_id is both a key and knowledge.
    keys = [F.col(c).alias(f"key_{c}") for c in ("advertiser_id", "scenario_id", "ds")]
    table = rows.select(*input_columns(settings), *labels, *keys).toArrow().combine_chunks()
    samples = samples_of(
        _flat(table, SEQUENCES),
        _flat(table, WINDOW_SUMS),
        table.column(WEEKDAY).to_numpy().astype(np.int64),
        [_text(table, name) for name in spec.knowledge],
        spec,
    )
    samples.labels = np.column_stack([table.column(f"label_{task}").to_numpy() for task in spec.tasks])
    ds = table.column("key_ds").cast(pa.string())
    samples.keys = {
        "advertiser_id": _text(table, "key_advertiser_id"),
        "ds": np.asarray(ds.to_pylist(), dtype=np.str_),
    }
    order = np.lexsort((samples.knowledge["scenario_id"], samples.keys["advertiser_id"], samples.keys["ds"]))
    return samples.take(order)


def _flat(table: pa.Table, name: str) -> NDArray[np.float32]:
    chunks = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in table.column(name).chunks]
    return np.concatenate(chunks).astype(np.float32, copy=False) if chunks else np.empty(0, dtype=np.float32)


def _text(table: pa.Table, name: str) -> NDArray[np.str_]:
    return np.asarray(table.column(name).to_pylist(), dtype=np.str_)
