"""The memory of training does not grow with the table (the full size is in tests/benchmarks/training_rows.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.common.model_inputs import feature_spec
from jobs.common.settings import Settings
from tests.samples_table import write_samples

pytestmark = pytest.mark.slow
ROWS_PER_DAY = 10_000


def peak(settings: Settings, folder: Path, days: int) -> dict[str, float]:
    table = write_samples(folder / f"{days}", feature_spec(settings), days, ROWS_PER_DAY)
    options = json.dumps({"loader_processes": 0, "window_rows": 16_384})
    command = [sys.executable, "-m", "tests.benchmarks.train_on_table", table, options]
    return dict(json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))


def test_a_larger_table_takes_no_more_memory(settings: Settings, tmp_path: Path) -> None:
    # Twelve days fill the sample for the bin edges and many windows: from there on memory stays level (.01 measured).
    small, large = (peak(settings, tmp_path, days) for days in (13, 33))
    assert (small["rows"], large["rows"]) == (12 * ROWS_PER_DAY, 32 * ROWS_PER_DAY)
    grown = large["table_mb"] - small["table_mb"]
    assert grown > 300
    assert large["peak_mb"] - small["peak_mb"] < 0.1 * grown
