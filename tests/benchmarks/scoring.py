"""What scoring costs beside the model itself, and how it grows with the pairs.

1,000,000 pairs of one day, `base`, two cores. The bare loop of the model over the same rows in memory is what all is
compared with; the job's stages are measured by leaving the later ones out. Figures are ratios of processor seconds
of everything that runs (`tree_clock.py`); wall seconds are printed beside them.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

from jobs.common.model_registry import RegisteredBundle
from jobs.common.settings import Settings, load_settings
from tests.benchmarks.bare_loop import bare_loops
from tests.benchmarks.facts_world import day_of, write_facts
from tests.benchmarks.figures import Figure
from tests.benchmarks.job_process import JobCost, run_job
from tests.benchmarks.scoring_shares import draw, measured_stages
from tests.benchmarks.scoring_world import register_untrained
from tests.benchmarks.session import long_job_session
from tests.benchmarks.tree_clock import Taken

COMMAND = "python -m tests.benchmarks scoring"
PAIRS = (100_000, 1_000_000)
DRIVER_MEMORY = "1g"


def measure() -> Iterator[Figure]:
    """Shares of the job and of the UDF, where time goes, growth of time and memory, rows per core-second."""
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        roots = [Path(folder) / str(pairs) for pairs in PAIRS]
        bundles = [_world(root, pairs, settings) for root, pairs in zip(roots, PAIRS, strict=True)]
        day = day_of(settings.history_days - 1)
        files = sorted((roots[-1] / "features/sequences").rglob("*.parquet"))
        alone = [bare_loops(bundles[-1].folder, day, files)[0]]
        with long_job_session(settings) as spark:
            small, large = (
                measured_stages(spark, root, bundle, settings, day)
                for root, bundle in zip(roots, bundles, strict=True)
            )
        alone.append(bare_loops(bundles[-1].folder, day, files)[0])
        yield from _shares(_mean(alone), large)
        yield _growth("scoring_growth", small["writing"], large["writing"])
        yield from _as_a_job(
            [run_job("score_advertisers", root, str(day), driver_memory=DRIVER_MEMORY) for root in roots]
        )


def _world(root: Path, pairs: int, settings: Settings) -> RegisteredBundle:
    write_facts(root, pairs, settings.history_days)
    day = day_of(settings.history_days - 1)
    # In a process of its own, so that no heap grown by it is found in the figures of scoring.
    run_job("build_sequences", root, str(day))
    return register_untrained(root, settings, "base", day)


def _mean(found: list[Taken]) -> Taken:
    """Of the loops before and after the job, so that a machine that changes meanwhile favours neither."""
    processor, wall = (sum(times) / len(found) for times in zip(*map(astuple, found), strict=True))
    return Taken(processor, wall)


def _shares(bare: Taken, stages: dict[str, Taken]) -> Iterator[Figure]:
    rows = PAIRS[-1]
    for name, found in {"bare": bare, **stages}.items():
        each = found.processor_seconds / rows * 1e6
        print(f"  {name:<10}{each:.1f} us a row, wall {found.wall_seconds:.1f} s", flush=True)
    whole, udf = stages["writing"], stages["model"]
    yield _ratio("scoring_job_share", bare, whole)
    yield _ratio("scoring_udf_share", bare, udf)
    yield Figure("scoring_job_share_wall", bare.wall_seconds / whole.wall_seconds, "", COMMAND)
    yield Figure("scoring_rows_per_core_second", rows / whole.processor_seconds, "rows/s", COMMAND)
    shares = _differences(stages)
    for stage, seconds in shares.items():
        yield Figure(f"scoring_share_of_{stage}", seconds / whole.processor_seconds, "", COMMAND)
    draw(shares, rows, bare)


def _ratio(name: str, bare: Taken, other: Taken) -> Figure:
    return Figure(name, bare.processor_seconds / other.processor_seconds, "", COMMAND)


def _differences(stages: dict[str, Taken]) -> dict[str, float]:
    """Processor seconds of each stage alone: each was measured with all the earlier ones."""
    seconds = [0.0, *(found.processor_seconds for found in stages.values())]
    return {name: seconds[place + 1] - seconds[place] for place, name in enumerate(stages)}


def _growth(name: str, small: Taken, large: Taken) -> Figure:
    """Exponent of the time, reading to writing, in a session that runs already: no start is in it."""
    times = large.processor_seconds / small.processor_seconds
    return Figure(name, math.log(times) / math.log(PAIRS[1] / PAIRS[0]), "", COMMAND)


def _as_a_job(costs: list[JobCost]) -> Iterator[Figure]:
    small, large = costs
    yield Figure("scoring_memory_growth", large.peak_mb / small.peak_mb, "", COMMAND)
    yield Figure("scoring_million_seconds", large.seconds, "s", COMMAND)
    yield Figure("scoring_million_peak_gb", large.peak_mb / 1024, "GB", COMMAND)
