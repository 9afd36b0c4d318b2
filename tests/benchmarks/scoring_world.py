"""Sequences of made-up facts and a registered model, for benchmarks and tests of scoring.

The model's encoder is fitted on the rows; its weights are random: what a score costs does not depend on their values.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from deltalake import DeltaTable

from jobs.common.model_inputs import WINDOW_SUMS, feature_spec, samples_of
from jobs.common.model_registry import CHAMPION, ModelRegistry, RegisteredBundle
from jobs.common.settings import Settings
from m2m import Bundle, ModelConfig, Samples
from m2m.bundle import build_model
from m2m.encoder import Encoder

ENCODER_ROWS = 4096
LIKELY, SPREAD = 0.05, 0.3  # of random head biases: log-rates near 0 give scores of the size of the training mean


def register_untrained(root: Path, settings: Settings, name: str, day: date, seed: int = 0) -> RegisteredBundle:
    """A model of a named size with random weights, registered as a version and as champion."""
    rows = read_samples(root, settings, day, ENCODER_ROWS)
    spec, config = feature_spec(settings), ModelConfig.named(name)
    encoder = Encoder.fit(rows, spec, config.value_bins)
    torch.manual_seed(seed)
    model = build_model(spec, config, encoder).eval()
    bundle = Bundle(spec, config, encoder, model, np.full(len(spec.tasks), 100.0))
    registry = ModelRegistry(settings.platform, str(root))
    with tempfile.TemporaryDirectory() as folder:
        bundle.save(folder)
        version = registry.register(registry.start_run("untrained", {}), Path(folder), bundle.sha256)
    registry.set_alias(CHAMPION, version)
    found = registry.find(version)
    if found is None:
        raise RuntimeError(f"version {version} was registered and is not found")
    return found


def read_samples(root: Path, settings: Settings, day: date, most_rows: int | None = None) -> Samples:
    """Rows of features.sequences of one day as the model takes them, without Spark, in the order of the files."""
    table = DeltaTable(str(root / "features/sequences"))
    rows = table.to_pyarrow_dataset().to_table(filter=pc.field("ds") == pa.scalar(day))
    if most_rows is not None:
        rows = rows.take(np.linspace(0, len(rows) - 1, min(most_rows, len(rows))).astype(np.int64))
    spec = feature_spec(settings)
    columns = [_values(rows[name]).reshape(len(rows), -1) for name in spec.sequence_columns]
    return samples_of(
        np.stack(columns, axis=1),
        _values(rows[WINDOW_SUMS]),
        np.full(len(rows), day.weekday()),
        [_text(rows[name]) for name in spec.knowledge],
        spec,
    )


def _values(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.combine_chunks().flatten())


def _text(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(column.cast(pa.string()), "").to_pylist(), dtype=np.str_)
