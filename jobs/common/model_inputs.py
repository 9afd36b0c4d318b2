"""Rows of features.* <-> `m2m.Samples`: one place that knows which columns the model reads, and in which order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql import functions as F

from jobs.common.settings import Settings
from jobs.common.settings_sections import WINDOWS_DAYS
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
