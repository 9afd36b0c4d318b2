"""A messy landing against the same one clean: what a hot pair, late rows and corrupt rows cost ingest and build.

Timed on both sides: ingest of all days, ingest of the last day again (which takes the late rows in where there are
any), and the sequences of the last day.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from jobs import build_sequences, ingest_facts
from jobs.common.settings import load_settings
from tests.benchmarks.facts_world import day_of
from tests.benchmarks.figures import Figure
from tests.benchmarks.session import long_job_session
from tests.benchmarks.tree_clock import taken
from tests.messy_landing import Messy, write_clean, write_messy

COMMAND = "python -m tests.benchmarks messy_facts"
PAIRS, DAYS, ROUNDS = 100_000, 40, 1
WARM_UP_PAIRS = 1_000
STEPS = ("ingest", "late", "build")
Seconds = dict[str, float]
Main = Callable[[Sequence[str]], int]


def measure() -> Iterator[Figure]:
    """Processor seconds of both sides by step, and the ratio of their sums."""
    settings = load_settings()
    with long_job_session(settings), tempfile.TemporaryDirectory() as folder:
        _sides(Path(folder) / "warm_up", WARM_UP_PAIRS, settings.late_days, ["messy"])
        # Who goes first compiles what is left to compile: that is not to be clean's.
        sides = _sides(Path(folder) / "full", PAIRS, settings.late_days, ["messy", "clean"] * ROUNDS)
    for side, seconds in sorted(sides.items()):
        for step in STEPS:
            yield Figure(f"{side}_{step}_seconds", round(seconds[step], 1), "s", COMMAND)
    ratio = sum(sides["messy"].values()) / sum(sides["clean"].values())
    yield Figure("messy_over_clean", round(ratio, 3), "", COMMAND)


def _sides(root: Path, pairs: int, late_days: int, order: Sequence[str]) -> dict[str, Seconds]:
    """The sides in this order, each run into a warehouse of its own; the median of each side's runs."""
    clean, runs = write_clean(root, pairs, DAYS), defaultdict[str, list[Seconds]](list)
    for number, side in enumerate(order):
        late_from = DAYS - 1 - late_days
        mess = write_messy(clean, root / f"landing_{number}", DAYS, late_from) if side == "messy" else None
        runs[side].append(_run(root / f"warehouse_{number}", mess or Messy(clean)))
    return {side: _typical(found) for side, found in runs.items()}


def _run(warehouse: Path, landing: Messy) -> Seconds:
    """Processor seconds of each step on an empty warehouse."""
    where = ["--warehouse", str(warehouse)]
    landed = [*where, "--landing", str(landing.landing)]
    first, last = ["--start-ds", str(day_of(0))], str(day_of(DAYS - 1))
    last_day = ["--start-ds", last, "--end-ds", last]
    seconds = {"ingest": _seconds(ingest_facts.main, [*landed, *first, "--end-ds", last])}
    landing.deliver_late_rows()
    seconds["late"] = _seconds(ingest_facts.main, [*landed, *last_day])
    seconds["build"] = _seconds(build_sequences.main, [*where, *last_day])
    return seconds


def _seconds(main: Main, arguments: list[str]) -> float:
    statuses: list[int] = []
    found = taken(lambda: statuses.append(main(arguments)))
    if statuses != [0]:
        raise RuntimeError(f"{main.__module__} ended with status {statuses[0]}, expected 0")
    return found.processor_seconds


def _typical(runs: list[Seconds]) -> Seconds:
    return {step: statistics.median_low([run[step] for run in runs]) for step in STEPS}
