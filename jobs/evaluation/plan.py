"""Which units an evaluation consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from jobs.common.model_inputs import feature_spec
from jobs.common.parts import open_part
from jobs.common.sample_source import DeltaSamples
from jobs.common.settings import Settings
from jobs.common.training import training_config
from jobs.evaluation.competitors import COMPETITORS, fitted_for, seeds_of
from jobs.evaluation.scale import Scale
from jobs.evaluation.study_rows import StudyRows, cut_spec, shares_of
from jobs.evaluation.unit import Parts, Unit
from jobs.evaluation.workers import Work
from jobs.transforms.as_of_split import AsOfSplit
from m2m import ModelConfig
from m2m.sources import count_rows


@dataclass(frozen=True)
class UnitMaker:
    """Makes units of one data set: on the rows of the comparison, or on fewer for a study."""

    settings: Settings
    scale: Scale
    parts: Parts

    def unit(self, model: str, seed: int, study: StudyRows | None = None, **overrides: Any) -> Unit:
        """overrides: of `m2m.ModelConfig`, on top of the settings' and the competitor's."""
        settings, spec = self.settings, self.parts.train.spec
        chosen = {**settings.model.overrides, **COMPETITORS[model].overrides, **overrides}
        training = replace(training_config(settings), seed=seed, progress=False, threads=1)
        return Unit(
            model=model,
            seed=seed,
            parts=self.parts,
            data=self.parts.fingerprint,
            spec=cut_spec(spec, study.history_days) if study else spec,
            config=ModelConfig.named(settings.model.name, **chosen),
            training=training.for_rows(count_rows(self.parts.train), self.scale.passes(study is not None)),
            active_task=settings.active_task,
            study=study,
        )

    def comparison(self, models: Sequence[str], seeds: Sequence[int]) -> list[Work]:
        """Every model with every seed, members of mixes included."""
        return [
            Work(self.unit(model, seed), f"{model}, seed {seed}")
            for model in fitted_for(models)
            for seed in seeds_of(model, seeds)
        ]


def open_parts(uri: str, split: AsOfSplit, settings: Settings, max_train_rows: int | None) -> Parts:
    """The parts of features.samples (or of a table like it, of `settings`).

    Raises DataCheckError when a part has no row, ValueError when the split has no test part.
    """
    if split.test is None:
        raise ValueError("there is no test part, expected train, valid and test days")
    spec = feature_spec(settings)
    return Parts(
        open_part(uri, split.train, spec, max_train_rows),
        open_part(uri, split.valid, spec),
        open_part(uri, split.test, spec),
    )


def study_shares(parts: Parts, study_samples: int) -> tuple[tuple[str, tuple[tuple[str, float], ...]], ...]:
    """What a study keeps of validation and test rows, spread evenly over the scenarios (training rows come thinned)."""
    each = (("valid", parts.valid), ("test", parts.test))
    return tuple((name, shares_of(scenario_rows(part), study_samples)) for name, part in each)


def scenario_rows(part: DeltaSamples) -> dict[str, int]:
    """Rows of every scenario."""
    found: dict[str, int] = {}
    for piece in range(len(part.piece_rows)):
        names, counts = np.unique(part.keys(piece)["scenario_id"], return_counts=True)
        for name, count in zip(names.tolist(), counts.tolist(), strict=True):
            found[name] = found.get(name, 0) + count
    return found


def days_of(parts: Parts) -> tuple[date, ...]:
    """The as-of days that have rows."""
    return tuple(sorted({piece.ds for part in vars(parts).values() for piece in part.pieces}))


def rows_in(parts: Parts) -> int:
    """About how many rows the three parts hold."""
    return sum(count_rows(part) for part in vars(parts).values())
