"""Training on rows that do not fit in memory: does the loader keep the trainer busy, and does memory stay bounded."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch

from jobs.common.model_inputs import feature_spec
from jobs.common.sample_source import DeltaSamples
from jobs.common.settings import load_settings
from m2m import FeatureSpec, ModelConfig, TrainingConfig
from m2m.training.loader import stream_windows
from m2m.training.run import TrainingRun
from m2m.training.windows import Window
from tests.benchmarks.figures import Figure
from tests.samples_table import FIRST_DAY, bytes_in_memory, write_samples

COMMAND = "python -m tests.benchmarks training_rows"
ALLOWED_MB, ROWS_PER_DAY = 2048, 100_000
TRIES = 3


def measure() -> Iterator[Figure]:
    """loader_share: rows/s of training from files / from memory. training_memory_share: peak / what is allowed, on a
    table five times as large."""
    spec = feature_spec(load_settings())
    with tempfile.TemporaryDirectory() as folder:
        yield Figure("loader_share", _loader_share(Path(folder), spec), "", COMMAND)
        yield from _memory(Path(folder), spec)


def _loader_share(folder: Path, spec: FeatureSpec) -> float:
    table = write_samples(folder / "speed", spec, days=8, rows_per_day=20_000)
    rows = DeltaSamples.open(table, FIRST_DAY, FIRST_DAY + timedelta(days=6), spec)
    valid = DeltaSamples.open(table, FIRST_DAY + timedelta(days=7), FIRST_DAY + timedelta(days=7), spec)
    training = TrainingConfig(epochs=1, window_rows=16_384, memory_mb=0, progress=False)
    torch.set_num_threads(training.threads)
    run = TrainingRun(spec, ModelConfig.named("base"), training, torch.device("cpu"), rows, valid)
    plans = run._plans(1)
    in_memory = list(stream_windows(run.reader, plans))
    shares = []
    for _ in range(TRIES):
        from_memory = _rows_per_second(run, iter(in_memory))
        shares.append(_rows_per_second(run, stream_windows(run.reader, plans, 1)) / from_memory)
    return round(statistics.median(shares), 3)


def _rows_per_second(run: TrainingRun, windows: Iterator[Window]) -> float:
    """Of the training loop, once the first window is there: before it a process starts, once a training."""
    first = next(windows)
    started, rows = time.perf_counter(), 0
    for window in _chain(first, windows):
        for index in range(len(window.bounds)):
            run._step(window.batch(index))
        rows += len(window.code)
    return rows / (time.perf_counter() - started)


def _chain(first: Window, rest: Iterator[Window]) -> Iterator[Window]:
    yield first
    yield from rest


def _memory(folder: Path, spec: FeatureSpec) -> Iterator[Figure]:
    days = 1 + -(-5 * ALLOWED_MB * 2**20 // bytes_in_memory(spec, ROWS_PER_DAY))
    table = write_samples(folder / "large", spec, days + 1, ROWS_PER_DAY)
    options = json.dumps({"loader_processes": 1})
    command = [sys.executable, "-m", "tests.benchmarks.train_on_table", table, options]
    started = time.monotonic()
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    seconds = time.monotonic() - started
    yield Figure("training_table_over_allowed", round(found["table_mb"] / ALLOWED_MB, 2), "", COMMAND)
    yield Figure("training_memory_share", round(found["peak_mb"] / ALLOWED_MB, 3), "", COMMAND)
    yield Figure("training_large_table_seconds", round(seconds, 1), "s", COMMAND)
