"""Processor seconds of this process and everything it started: the JVM, and Spark's Python workers.

Like `clock.py` for one process: on a busy machine the wall clock shows the others as well. Reads /proc, so Linux only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Taken:
    """What a call took."""

    processor_seconds: float
    wall_seconds: float


def taken(call: Callable[[], object]) -> Taken:
    """Run the call once."""
    began, started = tree_seconds(), time.perf_counter()
    call()
    return Taken(tree_seconds() - began, time.perf_counter() - started)


def tree_seconds(root: int | None = None) -> float:
    """User and system seconds of a process and its descendants, those that ended and were waited for included."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            found = _stat(folder)
            if found:
                parent, used = found
                children.setdefault(parent, []).append(int(folder.name))
                ticks[int(folder.name)] = used
    waiting, total = [root or os.getpid()], 0
    while waiting:
        pid = waiting.pop()
        total += ticks.get(pid, 0)
        waiting += children.get(pid, [])
    return total / TICKS


def _stat(folder: Path) -> tuple[int, int] | None:
    """(parent, ticks of the process and its waited-for children); None when it has just ended."""
    try:
        text = (folder / "stat").read_text()
    except OSError:
        return None
    fields = text.rsplit(")", 1)[1].split()  # a command's name may hold spaces and parentheses
    return int(fields[1]), sum(map(int, fields[11:15]))
