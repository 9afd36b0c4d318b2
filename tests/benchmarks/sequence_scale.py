"""Two million pairs, one day, two cores: how long `build_sequences` takes as a job of its own, in how much memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from deltalake import DeltaTable

from jobs.common.settings import Settings, load_settings
from tests.benchmarks.facts_world import day_of, write_facts
from tests.benchmarks.figures import Figure
from tests.benchmarks.session import full_compiler_options
from tests.benchmarks.tree_clock import tree_ticks

COMMAND = "python -m tests.benchmarks sequence_scale"
PAIRS = 2_000_000
JOB = Path(__file__).parents[2] / "jobs" / "build_sequences.py"
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


def measure() -> Iterator[Figure]:
    """Seconds, the most memory of all its processes together, and bytes of a row. Raises CalledProcessError."""
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        root = write_facts(Path(folder), PAIRS, settings.history_days)
        seconds, peak_mb = _build(root, settings)
        files = list((root / "features/sequences").rglob("*.parquet"))
        yield Figure("sequence_two_million_seconds", round(seconds, 1), "s", COMMAND)
        yield Figure("sequence_two_million_peak_gb", round(peak_mb / 1024, 2), "GB", COMMAND)
        size = sum(file.stat().st_size for file in files)
        yield Figure("sequence_two_million_bytes_per_row", round(size / PAIRS, 1), "B", COMMAND)
        yield Figure("sequence_two_million_files", len(files), "", COMMAND)
        (run,) = DeltaTable(str(root / "ops/job_runs")).to_pyarrow_table().to_pylist()
        for name in ("shuffle_bytes", "spilled_bytes"):
            yield Figure(f"sequence_two_million_{name}_per_row", round(run[name] / PAIRS, 1), "B", COMMAND)


def _build(root: Path, settings: Settings) -> tuple[float, float]:
    day = str(day_of(settings.history_days - 1))
    command = ["spark-submit", "--master", "local[2]", "--driver-memory", "4g", str(JOB)]
    command += ["--warehouse", str(root), "--start-ds", day, "--end-ds", day]
    environment = {**os.environ, "SPARK_SUBMIT_OPTS": full_compiler_options(), "M2M_JVM": "full"}
    started, peak_mb = time.monotonic(), 0.0
    with subprocess.Popen(command, env=environment) as process:
        while process.poll() is None:
            peak_mb = max(peak_mb, _resident_mb(process.pid))
            time.sleep(0.2)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.monotonic() - started, peak_mb


def _resident_mb(root: int) -> float:
    """Resident sizes of a process and its descendants; what workers share counts once for each."""
    return sum(_pages(pid) for pid, _ in tree_ticks(root)) * PAGE_MB


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0
