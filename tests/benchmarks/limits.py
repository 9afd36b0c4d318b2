"""What the figures must reach, each a ratio measured within one run."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from tests.benchmarks.figures import Figure

LIMITS: dict[str, tuple[float, float]] = {
    "demo_seconds": (0, 600),
    "meta_unit_speedup_d256_g128": (50, inf),
    "meta_unit_speedup_d512_g128": (50, inf),
    "meta_unit_speedup_d512_g16": (20, inf),
    "paper_forward_speedup": (15, inf),
    "training_step_speedup": (5, inf),
    "meta_memory_ratio": (0, 0.1),
    "forward_matmul_share": (0.5, inf),
    "loader_share": (0.85, inf),
    "training_table_over_allowed": (5, inf),
    "training_memory_share": (0, 1),
    "interval_coverage_demo": (0.77, 0.83),
    "active_ece_demo": (0, 0.03),
    "sequence_day_speedup": (3, inf),
    "sequence_range_speedup": (3, inf),
    "sequence_range_over_day": (0, 3),
    "sequence_growth_pairs": (0, 1.05),
    "sequence_two_million_peak_gb": (0, 8),
    "sequence_growth_days": (0, 1.05),
    "scoring_job_share": (0.75, inf),
    "scoring_udf_share": (0.85, inf),
    "scoring_speedup_paper": (20, inf),
    "scoring_growth": (0, 1.03),
    "scoring_memory_growth": (0, 1.10),
    "scoring_million_peak_gb": (0, 8),
    "messy_over_clean": (0, 1.5),
}


def missed(figures: Iterable[Figure]) -> list[str]:
    """One line for each figure outside its limits."""
    told = []
    for figure in figures:
        low, high = LIMITS.get(figure.name, (-inf, inf))
        if not low <= figure.value <= high:
            told.append(f"{figure.name} is {figure.value:.3f}, expected {low} to {high}")
    return told
