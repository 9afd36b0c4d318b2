"""How a model of each kind is fitted, and what is known of it then.

Letters: N rows, m tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from m2m import (
    CheckpointError,
    FeatureSpec,
    Forecast,
    ModelConfig,
    Samples,
    SampleSource,
    Scorer,
    Trainer,
    TrainingConfig,
)
from m2m.compared.naive import NAIVE
from m2m.compared.window_trees import OBJECTIVES, WindowTrees


@dataclass(frozen=True)
class FitInputs:
    """What a model is fitted with. checkpoint: a file in which a training under way is kept."""

    train: SampleSource
    valid: SampleSource
    spec: FeatureSpec
    model: ModelConfig
    training: TrainingConfig
    checkpoint: Path


@dataclass(frozen=True)
class Fitted:
    """A fitted model. fits: trainings that were tried for it; epochs, best_epoch: of a network."""

    predict: Callable[[Samples], Forecast]
    parameters: int
    fits: int = 1
    epochs: int | None = None
    best_epoch: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


FitFunction = Callable[[FitInputs], Fitted]


def fit_naive(name: str, inputs: FitInputs) -> Fitted:
    """Pick the windows of one of `m2m.compared.naive.NAIVE`; nothing is trained."""
    found = NAIVE[name].fit(inputs.train, inputs.valid, inputs.spec)
    return Fitted(found.predict, found.parameters, fits=0, details={"windows_days": dict(found.chosen)})


def fit_trees(inputs: FitInputs) -> Fitted:
    """Boost LightGBM on window features; every objective counts as a training of all tasks."""
    training, spec = inputs.training, inputs.spec
    trees = WindowTrees.fit(inputs.train, inputs.valid, spec, training.seed, training.threads, progress=False)
    details = {"objectives": trees.chosen}
    return Fitted(trees.predict, trees.parameters, fits=len(OBJECTIVES), details=details)


def fit_network(inputs: FitInputs) -> Fitted:
    """Train M2M, an ablation of it or another network; goes on from the checkpoint where there is one."""
    trainer = Trainer(inputs.spec, inputs.model, inputs.training)
    try:
        bundle = trainer.fit(inputs.train, inputs.valid, checkpoint=inputs.checkpoint)
    except CheckpointError:  # of rows that were written anew meanwhile
        inputs.checkpoint.unlink(missing_ok=True)
        bundle = trainer.fit(inputs.train, inputs.valid, checkpoint=inputs.checkpoint)
    weights = sum(weight.numel() for weight in bundle.model.parameters())
    epochs, best = bundle.metrics["epochs"], bundle.metrics["best_epoch"]
    details = {"model": inputs.model.to_dict(), "recalibration": bundle.recalibration.to_dict()}
    predict = partial(Scorer(bundle).predict, with_point=True)
    return Fitted(predict, weights, epochs=epochs, best_epoch=best, details=details)
