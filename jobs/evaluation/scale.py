"""How much an evaluation does: what the settings say, or little of everything (--quick)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jobs.common.settings_sections import Evaluation
from m2m import TrainingConfig

FEWEST_EPOCHS, MOST_EPOCHS = 3, 40
# Of a small table: an epoch has this many steps, as far as batches of the least size allow.
_STEPS, _LEAST_BATCH = 50, 32


@dataclass(frozen=True)
class Scale:
    """max_samples: training rows of each model. study_samples: rows of each part in a study. draws: of the bootstrap.
    row_passes: from which a network's epochs follow (`training`). study_values: how many of a study's values are tried,
    the outermost ones; None for all of them."""

    max_samples: int
    study_samples: int
    seeds: tuple[int, ...]
    draws: int
    row_passes: int
    study_values: int | None = None

    def training(self, config: TrainingConfig, rows: int) -> TrainingConfig:
        """`config` with as many epochs as go through `row_passes` of `rows` rows, from FEWEST_EPOCHS to MOST_EPOCHS.

        A network needs a number of steps more than a number of epochs: half the rows twice as often are nearly as good
        (decision 14). So a small table also has smaller batches, and more epochs are waited for before training stops
        because validation says so.
        """
        epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(self.row_passes / max(1, rows))))
        chunks = max(_LEAST_BATCH, rows // _STEPS) // config.chunk_rows
        return replace(
            config,
            epochs=epochs,
            patience=max(config.patience, epochs // 5),
            batch_size=min(config.batch_size, chunks * config.chunk_rows),
        )

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
