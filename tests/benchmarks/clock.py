"""Timing of two ways side by side on a machine that may be busy.

One thread and its processor seconds: that is how a Spark task scores and how training runs by default, and what other
processes do on the machine then hardly shows. (Two threads wait for each other at every product; on a busy machine
that wait is most of the time, and it is longest for the way with the shortest products.)
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping

THREADS = 1
ROUNDS = 3

Call = Callable[[], object]


def seconds(call: Call) -> float:
    """Processor seconds of one call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def rounds(ways: Mapping[str, Call], count: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of every way in each of `count` rounds, after one call of each to warm up. Each round runs all ways, so
    that a busy minute meets them alike."""
    for call in ways.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(count):
        for name, call in ways.items():
            taken[name].append(seconds(call))
    return taken


def median_ratio(above: Iterable[float], below: Iterable[float]) -> float:
    """Median over the rounds of above / below."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


def fastest(choices: Iterable[int], seconds_each: Callable[[int], float]) -> int:
    """The choice that takes the fewest seconds."""
    return min(choices, key=seconds_each)
