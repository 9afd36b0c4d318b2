"""Processor seconds of this process and everything it started: the JVM, and Spark's Python workers.

Like `clock.py` for one process: on a busy machine the wall clock shows the others as well. Reads /proc, so Linux only.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.2
Process = tuple[int, str]  # its number and when it began: numbers come again


@dataclass(frozen=True)
class Taken:
    """What a call took."""

    processor_seconds: float
    wall_seconds: float


def taken(call: Callable[[], object]) -> Taken:
    """Run the call once."""
    before, started = tree_ticks(), time.perf_counter()
    seen, done = dict(before), threading.Event()

    def look() -> None:
        # A worker may end meanwhile, and its parent may not wait for it: the last look at it counts.
        while not done.wait(LOOK_SECONDS):
            seen.update(tree_ticks())

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        call()
    finally:
        wall = time.perf_counter() - started
        done.set()
        looking.join()
    seen.update(tree_ticks())
    ticks = sum(now - before.get(process, 0) for process, now in seen.items())
    return Taken(ticks / TICKS, wall)


def tree_ticks(root: int | None = None) -> dict[Process, int]:
    """User and system clock ticks of a process and of each of its descendants that runs."""
    children: dict[int, list[int]] = {}
    found: dict[int, tuple[Process, int]] = {}
    for folder in Path("/proc").iterdir():
        fields = _stat(folder) if folder.name.isdigit() else None
        if fields:
            pid = int(folder.name)
            children.setdefault(int(fields[1]), []).append(pid)
            found[pid] = (pid, fields[19]), int(fields[11]) + int(fields[12])
    waiting, tree = [root or os.getpid()], {}
    while waiting:
        pid = waiting.pop()
        if pid in found:
            process, ticks = found[pid]
            tree[process] = ticks
        waiting += children.get(pid, [])
    return tree


def _stat(folder: Path) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the state on; None when the process has just ended."""
    try:
        text = (folder / "stat").read_text()
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()  # a command's name may hold spaces and parentheses
