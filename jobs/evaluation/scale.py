"""How much an evaluation does: what the settings say, or little of everything (--quick)."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.common.settings_sections import Evaluation

STUDY_DIVISOR = 4
"""A study's networks go through so many times fewer rows."""


@dataclass(frozen=True)
class Scale:
    """max_samples: training rows of each model. study_samples: rows of each part in a study. draws: of the bootstrap.
    row_passes: from which a network's epochs follow (`m2m.TrainingConfig.for_rows`). study_values: how many of a
    study's values are tried, the outermost ones; None for all of them."""

    max_samples: int
    study_samples: int
    seeds: tuple[int, ...]
    draws: int
    row_passes: int
    study_values: int | None = None

    def passes(self, of_study: bool) -> int:
        """Rows that a network goes through; fewer in a study, which fits some hundred networks."""
        return max(1, self.row_passes // STUDY_DIVISOR) if of_study else self.row_passes

    def values(self, every: tuple[float, ...]) -> tuple[float, ...]:
        """The values of a study's setting that are tried."""
        return every if self.study_values is None else (every[0], every[-1])[: self.study_values]


QUICK = Scale(
    max_samples=4_000, study_samples=2_000, seeds=(1,), draws=100, row_passes=12_000, study_values=2
)


def scale_of(settings: Evaluation, quick: bool) -> Scale:
    """QUICK, or what the settings say."""
    if quick:
        return QUICK
    scale = (settings.max_samples, settings.study_samples, settings.seeds, settings.draws)
    return Scale(*scale, settings.row_passes)
