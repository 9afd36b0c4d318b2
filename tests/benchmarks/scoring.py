"""What scoring costs beside the model itself, and how it grows with the pairs.

1,000,000 pairs of one day, `base`, two cores. The bare loop of the model over the same rows in memory is what all is
compared with; the job's stages are measured by leaving the later ones out. Figures are ratios of processor seconds
of everything that runs (`tree_clock.py`); wall seconds are printed beside them.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
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
        yield from _shares(roots[-1], bundles[-1], settings)
        day = str(day_of(settings.history_days - 1))
        yield from _growth(
            [run_job("score_advertisers", root, day, driver_memory=DRIVER_MEMORY) for root in roots]
        )


def _world(root: Path, pairs: int, settings: Settings) -> RegisteredBundle:
    write_facts(root, pairs, settings.history_days)
    day = day_of(settings.history_days - 1)
    # In a process of its own, so that no heap grown by it is found in the figures of scoring.
    run_job("build_sequences", root, str(day))
    return register_untrained(root, settings, "base", day)


def _shares(root: Path, bundle: RegisteredBundle, settings: Settings) -> Iterator[Figure]:
    day = day_of(settings.history_days - 1)
    files = sorted((root / "features/sequences").rglob("*.parquet"))
    bare, rows = bare_loops(bundle.folder, day, files)
    with long_job_session(settings) as spark:
        stages = measured_stages(spark, root, bundle, settings, day)
    for name, found in {"bare": bare, **stages}.items():
        told = f"{found.processor_seconds / rows * 1e6:.1f} us a row, wall {found.wall_seconds:.1f} s"
        print(f"  {name:<10}{told}", flush=True)
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


def _growth(costs: list[JobCost]) -> Iterator[Figure]:
    small, large = costs
    exponent = math.log(large.processor_seconds / small.processor_seconds) / math.log(PAIRS[1] / PAIRS[0])
    yield Figure("scoring_growth", exponent, "", COMMAND)
    yield Figure("scoring_memory_growth", large.peak_mb / small.peak_mb, "", COMMAND)
    yield Figure("scoring_million_seconds", large.seconds, "s", COMMAND)
    yield Figure("scoring_million_peak_gb", large.peak_mb / 1024, "GB", COMMAND)
