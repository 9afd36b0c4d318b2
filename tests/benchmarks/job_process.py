"""A job as a process of its own on two cores: how long it takes, in how much memory."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.session import full_compiler_options
from tests.benchmarks.tree_clock import TICKS, Process, tree_ticks

JOBS = Path(__file__).parents[2] / "jobs"
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class JobCost:
    """Wall and processor seconds, and the most memory of all its processes together."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def run_job(job: str, root: Path, day: str, *options: str, driver_memory: str = "4g") -> JobCost:
    """Run `jobs/<job>.py` on one day of a warehouse. Raises CalledProcessError when it does not end with status 0."""
    command = [
        "spark-submit",
        "--master",
        "local[2]",
        "--driver-memory",
        driver_memory,
        str(JOBS / f"{job}.py"),
    ]
    command += ["--warehouse", str(root), "--start-ds", day, "--end-ds", day, *options]
    environment = {**os.environ, "SPARK_SUBMIT_OPTS": full_compiler_options(), "M2M_JVM": "full"}
    started, peak_mb, ticks = time.monotonic(), 0.0, dict[Process, int]()
    with subprocess.Popen(command, env=environment) as process:
        while process.poll() is None:
            now = tree_ticks(process.pid)
            ticks.update(now)
            peak_mb = max(peak_mb, sum(_pages(pid) for pid, _ in now) * PAGE_MB)
            time.sleep(0.2)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return JobCost(time.monotonic() - started, sum(ticks.values()) / TICKS, peak_mb)


def _pages(pid: int) -> int:
    """Resident pages of a process; what processes share counts once for each."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0
