"""The model alone: a loop of it over rows that lie in memory, as a program that prints what it took.

    python -m tests.benchmarks.bare_loop BUNDLE DAY FILE...

Two of them side by side use two cores as two tasks of a job do.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import torch

from jobs.common.model_inputs import columns_read, samples_of_arrow
from m2m import Bundle, Scorer
from tests.benchmarks.tree_clock import Taken

ROWS = 4096


def bare_loops(folder: str, day: date, files: Sequence[Path], processes: int = 2) -> tuple[Taken, int]:
    """Processor seconds of all loops together, wall seconds of the longest, and rows."""
    command = [sys.executable, "-m", "tests.benchmarks.bare_loop", folder, str(day)]
    shares = [[str(file) for file in files[start::processes]] for start in range(processes)]
    running = [subprocess.Popen([*command, *share], stdout=subprocess.PIPE) for share in shares]
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    processor, wall, rows = zip(*found, strict=True)
    return Taken(sum(processor), max(wall)), sum(rows)


def main(arguments: Sequence[str]) -> None:
    """Read the files, score once to warm up, then score every row."""
    folder, day, *files = arguments
    torch.set_num_threads(1)
    scorer = Scorer(Bundle.load(folder), ROWS)
    spec = scorer.bundle.spec
    held = [
        samples_of_arrow(rows, date.fromisoformat(day), spec)
        for file in files
        for rows in pq.ParquetFile(file).iter_batches(ROWS, columns=columns_read(spec), use_threads=False)
    ]
    scorer.predict(held[0])
    processor, wall = time.process_time(), time.perf_counter()
    for samples in held:
        scorer.predict(samples)
    taken = time.process_time() - processor, time.perf_counter() - wall
    print(json.dumps([*taken, sum(map(len, held))]))


if __name__ == "__main__":
    main(sys.argv[1:])
