"""Two million pairs, one day, two cores: how long `build_sequences` takes as a job of its own, in how much memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from deltalake import DeltaTable

from jobs.common.settings import load_settings
from tests.benchmarks.facts_world import day_of, write_facts
from tests.benchmarks.figures import Figure
from tests.benchmarks.job_process import run_job

COMMAND = "python -m tests.benchmarks sequence_scale"
PAIRS = 2_000_000


def measure() -> Iterator[Figure]:
    """Seconds, the most memory of all its processes together, and bytes of a row. Raises CalledProcessError."""
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        root = write_facts(Path(folder), PAIRS, settings.history_days)
        cost = run_job("build_sequences", root, str(day_of(settings.history_days - 1)))
        files = list((root / "features/sequences").rglob("*.parquet"))
        yield Figure("sequence_two_million_seconds", round(cost.seconds, 1), "s", COMMAND)
        yield Figure("sequence_two_million_peak_gb", round(cost.peak_mb / 1024, 2), "GB", COMMAND)
        size = sum(file.stat().st_size for file in files)
        yield Figure("sequence_two_million_bytes_per_row", round(size / PAIRS, 1), "B", COMMAND)
        yield Figure("sequence_two_million_files", len(files), "", COMMAND)
        (run,) = DeltaTable(str(root / "ops/job_runs")).to_pyarrow_table().to_pylist()
        for name in ("shuffle_bytes", "spilled_bytes"):
            yield Figure(f"sequence_two_million_{name}_per_row", round(run[name] / PAIRS, 1), "B", COMMAND)
