"""Trains on a table in a process of its own and prints what it took: python -m tests.benchmarks.train_on_table TABLE.

The memory is the sum of the largest resident sizes of this process and of its loader processes.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import timedelta
from typing import Any

from jobs.common.model_inputs import feature_spec
from jobs.common.sample_source import DeltaSamples
from jobs.common.settings import load_settings
from m2m import ModelConfig, Trainer, TrainingConfig
from m2m.sources import count_rows
from tests.samples_table import FIRST_DAY, bytes_in_memory


def resident_mb(loader_processes: int) -> float:
    """Largest resident size so far of this process and, once it has ended, of each child, in MB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + loader_processes * child) / 1024


def main(table: str, options: dict[str, Any]) -> dict[str, float]:
    """One epoch of `tiny` (without attention, which is of no account here) on all days but the last, its validation."""
    spec = feature_spec(load_settings())
    training = TrainingConfig(epochs=1, batch_size=512, memory_mb=0, progress=False, **options)
    everything = DeltaSamples.open(table, FIRST_DAY, FIRST_DAY + timedelta(days=10_000), spec)
    last = max(piece.ds for piece in everything.pieces)
    train = DeltaSamples.open(table, FIRST_DAY, last - timedelta(days=1), spec)
    valid = DeltaSamples.open(table, last, last, spec)
    before = resident_mb(0)
    bundle = Trainer(spec, ModelConfig.named("tiny", without_transformer=True), training).fit(train, valid)
    return {
        "rows": count_rows(train),
        "table_mb": bytes_in_memory(spec, count_rows(train)) / 2**20,
        "before_mb": before,
        "peak_mb": resident_mb(training.loader_processes),
        "valid_nmae": bundle.metrics["valid_nmae"],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
