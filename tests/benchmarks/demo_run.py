"""How long `make demo` takes after set-up, as a process of its own in a scratch folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.figures import Figure


def measure() -> Iterator[Figure]:
    """Wall seconds of the whole demo. Raises CalledProcessError when the demo fails."""
    with tempfile.TemporaryDirectory() as folder:
        where = ["--warehouse", str(Path(folder) / "warehouse"), "--report", str(Path(folder) / "report")]
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "jobs.demo", *where], check=True)
        yield Figure("demo_seconds", round(time.monotonic() - started, 1), "s", "make bench")
