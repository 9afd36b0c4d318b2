"""What a training run is known by: its fingerprint before, its figures after."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from typing import Any

from m2m.config import ModelConfig, TrainingConfig
from m2m.metrics import overall
from m2m.sources import SampleSource
from m2m.spec import FeatureSpec
from m2m.training.state import Progress
from m2m.version import __version__


def fingerprint(
    spec: FeatureSpec,
    config: ModelConfig,
    training: TrainingConfig,
    train: SampleSource,
    valid: SampleSource,
    processes: int,
) -> str:
    """64 hexadecimal digits that differ when a resumed training would not be the same training."""
    parts = [
        spec.to_dict(), config.to_dict(), training.to_dict(), processes, __version__,
        train.fingerprint, valid.fingerprint,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def describe(progress: Progress, train_rows: int, any_task: str) -> dict[str, Any]:
    """The figures of a bundle: validation metrics of the best epoch, epochs and rows; None for what is not finite."""
    best = progress.best_cells
    figures = {f"valid_{name}": _or_none(value) for name, value in overall(best).items()}
    epochs = {"best_epoch": progress.best_epoch, "epochs": len(progress.history)}
    valid_rows = sum(cell.rows for cell in best if cell.task == any_task)
    cells = [{name: _or_none(value) for name, value in asdict(cell).items()} for cell in best]
    return {**figures, **epochs, "train_rows": train_rows, "valid_rows": valid_rows, "valid_cells": cells}


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
