"""Processes that a test started, and what they started: to find them, to kill them, to wait for what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.tree_clock import tree_ticks

PYTHON_DAEMON, EXECUTOR = "pyspark.daemon", "CoarseGrainedExecutorBackend"
Running = subprocess.Popen[bytes]


def below(pid: int, name: str) -> list[int]:
    """A process and its descendants whose command line holds `name`."""
    return [found for found, _ in tree_ticks(pid) if name in command_line(found)]


def python_workers(pid: int) -> list[int]:
    """Python workers of the Sparks below a process: they are forked by a daemon of the same command line."""
    return [
        found
        for daemon in below(pid, PYTHON_DAEMON)
        for found in below(daemon, PYTHON_DAEMON)
        if found != daemon
    ]


def command_line(pid: int) -> str:
    """A process's command line; empty when it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def wait_until(happened: Callable[[], object], logs: Callable[[], str], seconds: float = 180) -> None:
    """Look again and again until it happened. Fails with the logs when it takes too long."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, logs()
        time.sleep(0.005)


def wait_for_new_file(table: str, pattern: str, run: Running, log: Path) -> None:
    """Until the table's folder has a file of this pattern that it did not have at the call.

    Fails, with what the run said, when the run ends before.
    """
    folder = Path(table)
    before = set(folder.glob(pattern))

    def is_there() -> bool:
        assert run.poll() is None, log.read_text()
        return bool(set(folder.glob(pattern)) - before)

    wait_until(is_there, log.read_text)


def kill_group(run: Running) -> int:
    """Kill a process started in a group of its own, with all of that group; its exit status."""
    os.killpg(run.pid, signal.SIGKILL)
    return run.wait()


def kill_tree(run: Running) -> None:
    """Kill a process and whatever it started, also what has gone into a group of its own (Spark's Python workers)."""
    for pid, _ in tree_ticks(run.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    run.wait()
