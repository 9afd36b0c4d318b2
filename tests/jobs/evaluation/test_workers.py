"""Units in worker processes: what fails is named, the others are fitted, no worker outlives its job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.evaluation.workers import Work, Workers
from tests.jobs.processes import below, wait_until

FITS_FOREVER = """
from pathlib import Path
from jobs.evaluation.workers import Work, Workers
from tests.jobs.evaluation.test_workers import wait
if __name__ == "__main__":
    Workers(Path({folder!r}), 2, print, wait).fit([Work("one", "one"), Work("two", "two")])
"""


def fit(unit: Any, folder: Path) -> float:
    """Stands for a fit: a unit is the text that says what becomes of it."""
    if unit == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if unit == "raises":
        raise ValueError("the loss is\nnot finite")
    (folder / unit).touch()
    return 0.5


def wait(unit: Any, folder: Path) -> float:
    """A fit that does not end."""
    (folder / unit).touch()
    signal.pause()
    return 0.0


def work(*units: Any) -> list[Work]:
    return [Work(unit, f"unit {unit}") for unit in units]


def test_every_unit_is_fitted_and_told(tmp_path: Path) -> None:
    told: list[str] = []
    Workers(tmp_path, 2, told.append, fit).fit(work("a", "b", "c"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "c"]
    assert [line.split(":")[0] for line in told] == ["unit 1 of 3", "unit 2 of 3", "unit 3 of 3"]
    assert all("validation NMAE 0.5000" in line for line in told) and told[-1].endswith("about 0 s left")


def test_what_fails_is_named_and_the_others_are_fitted(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^1 of 3 units failed: unit raises: the loss is not finite$"):
        Workers(tmp_path, 2, lambda _: None, fit).fit(work("a", "raises", "b"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"]


def test_a_process_that_dies_takes_no_other_unit_with_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^1 of 4 units failed: unit dies: its process died$"):
        Workers(tmp_path, 2, lambda _: None, fit).fit(work("a", "dies", "b", "c"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "c"]


def test_workers_end_with_the_job_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(FITS_FOREVER.format(folder=str(tmp_path)))
    log = tmp_path / "log"
    with log.open("wb") as file:
        run = subprocess.Popen([sys.executable, str(script)], stdout=file, stderr=file)
    wait_until(lambda: (tmp_path / "one").exists() and (tmp_path / "two").exists(), log.read_text)
    workers = below(run.pid, "multiprocessing.spawn")
    assert len(workers) == 2
    run.kill()
    run.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), log.read_text, 30)
