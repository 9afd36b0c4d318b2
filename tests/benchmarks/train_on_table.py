"""Trains on a table in a process of its own and prints what it took: python -m tests.benchmarks.train_on_table TABLE.

The memory is the resident size of this process and its loader processes together, at its largest.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobs.common.model_inputs import feature_spec
from jobs.common.sample_source import DeltaSamples
from jobs.common.settings import load_settings
from m2m import ModelConfig, Trainer, TrainingConfig
from m2m.sources import count_rows
from tests.samples_table import FIRST_DAY, bytes_in_memory


class MemoryWatch(threading.Thread):
    """Looks every tenth of a second how much this process and its children hold together. (The largest size that the
    system keeps of a process is no use: a new process starts with its parent's.)"""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mb = self.now_mb()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.1):
            self.peak_mb = max(self.peak_mb, self.now_mb())

    def stop(self) -> float:
        """The largest sum seen, in MB."""
        self._over.set()
        self.join()
        return self.peak_mb

    @staticmethod
    def now_mb() -> float:
        """Resident size now, of this process and its children."""
        own = os.getpid()
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return sum(map(_resident_mb, [str(own), *children]))


def _resident_mb(pid: str) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(table: str, options: dict[str, Any]) -> dict[str, float]:
    """One epoch of `tiny` (without attention, which is of no account here) on all days but the last, its validation."""
    spec = feature_spec(load_settings())
    training = TrainingConfig(epochs=1, batch_size=512, memory_mb=0, progress=False, **options)
    everything = DeltaSamples.open(table, FIRST_DAY, FIRST_DAY + timedelta(days=10_000), spec)
    last = max(piece.ds for piece in everything.pieces)
    train = DeltaSamples.open(table, FIRST_DAY, last - timedelta(days=1), spec)
    valid = DeltaSamples.open(table, last, last, spec)
    watch = MemoryWatch()
    before = watch.peak_mb
    watch.start()
    bundle = Trainer(spec, ModelConfig.named("tiny", without_transformer=True), training).fit(train, valid)
    return {
        "rows": count_rows(train),
        "table_mb": bytes_in_memory(spec, count_rows(train)) / 2**20,
        "before_mb": before,
        "peak_mb": watch.stop(),
        "valid_nmae": bundle.metrics["valid_nmae"],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
