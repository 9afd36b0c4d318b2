"""How well the demo's model knows what it does not know, on its test days: the world of `make demo`, trained as there.

python -m tests.benchmarks.calibration
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from tests.benchmarks.figures import Figure

COMMAND = "python -m tests.benchmarks.calibration"
PREPARE = "import sys; from jobs.demo import prepare; sys.exit(prepare(sys.argv[1], 2000))"
TOLD = re.compile(r"^train_model: test days, overall: (.+)$", re.MULTILINE)


def measure() -> Iterator[Figure]:
    """Share of test labels within their 80 % interval, expected calibration error of P(active).

    Raises CalledProcessError when a job fails, ValueError when training tells no figure.
    """
    # The model store lies in the warehouse and goes with it.
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PREPARE, f"{folder}/warehouse"]
        ran = subprocess.run(command, check=True, env=environment, stderr=subprocess.PIPE, text=True)
    told = figures_told(ran.stderr)
    yield Figure("interval_coverage_demo", told["m2m_interval_coverage"], "share", COMMAND)
    yield Figure("active_ece_demo", told["m2m_active_ece"], "", COMMAND)


def figures_told(log: str) -> dict[str, float]:
    """What train_model printed about the test days. Raises ValueError when it printed nothing."""
    line = TOLD.search(log)
    if line is None:
        raise ValueError(f"training told no figure of test days, its last words: {log[-500:]!r}")
    pairs = (word.rsplit(" ", 1) for word in line[1].split(", "))
    return {name: float(value) for name, value in pairs}


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.name:<40}{figure.value:>12,.4f} {figure.unit}")
