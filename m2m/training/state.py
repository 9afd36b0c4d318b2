"""What training has reached: weights, optimiser, average, best weights, position; as tensors and plain numbers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from m2m.config import TrainingConfig
from m2m.metrics import Cell
from m2m.network import Network
from m2m.plain import exact_entries
from m2m.training.averaging import WeightAverage, copy_weights
from m2m.training.optimiser import make_optimiser

_OF_ADAM = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class Progress:
    """Plain numbers. step: steps done. epoch: the one under way, from 1. window, batch: the next ones of this process.

    loss_sum, rows: of this process since the epoch began. history: metrics of the epochs that are over. best_*: of the
    epoch with the lowest validation NMAE so far.
    """

    step: int = 0
    epoch: int = 1
    window: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    rows: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_nmae: float = math.inf
    best_cells: list[Cell] = field(default_factory=list)

    def next_epoch(self, metrics: dict[str, float]) -> None:
        """Close the epoch under way."""
        self.history.append(metrics)
        self.epoch += 1
        self.window, self.batch, self.loss_sum, self.rows = 0, 0, 0.0, 0

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON (Python's, which knows NaN and infinity)."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Progress:
        """The inverse of `to_dict`. Raises ValueError on missing or unknown entries."""
        entries = exact_entries(cls, plain, "progress")
        return cls(**{**entries, "best_cells": [Cell(**cell) for cell in entries["best_cells"]]})


class TrainingState:
    """Everything that a step changes."""

    def __init__(self, model: Network, training: TrainingConfig) -> None:
        self.model = model
        self.optimiser = make_optimiser(model, training)
        self.average = WeightAverage(model, training.average_decay)
        self.best_weights = copy_weights(model)
        self.progress = Progress()

    def keep_best(self, nmae: float, cells: list[Cell]) -> None:
        """Remember the model's current weights as the best of the epoch under way."""
        progress = self.progress
        progress.best_nmae, progress.best_epoch, progress.best_cells = nmae, progress.epoch, cells
        self.best_weights = copy_weights(self.model)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, for a checkpoint."""
        found = {f"best/{name}": value for name, value in self.best_weights.items()}
        for (name, weight), average in zip(self.model.named_parameters(), self.average.weights, strict=True):
            found[f"model/{name}"], found[f"average/{name}"] = weight.detach(), average
            for part, value in self.optimiser.state.get(weight, {}).items():
                found[f"optimiser/{part}/{name}"] = value
        return found

    def names(self, stepped: bool) -> list[str]:
        """Names of the tensors of a checkpoint; `stepped`: made after a step."""
        parts = ["model", "average", *(f"optimiser/{part}" for part in _OF_ADAM if stepped)]
        of_weights = [f"{part}/{name}" for part in parts for name, _ in self.model.named_parameters()]
        return [*of_weights, *(f"best/{name}" for name in self.best_weights)]

    def restore(self, tensors: dict[str, Tensor], progress: Progress) -> None:
        """Go back to what `tensors` and `progress` say. Raises ValueError when a tensor is missing."""
        missing = sorted(set(self.names(bool(progress.step))) - set(tensors))
        if missing:
            raise ValueError(f"checkpoint lacks {missing[:3]}; remove it to start anew")
        self.progress = progress
        self.average.steps = progress.step
        self.best_weights = {name: tensors[f"best/{name}"] for name in self.best_weights}
        with torch.no_grad():
            for (name, weight), average in zip(
                self.model.named_parameters(), self.average.weights, strict=True
            ):
                weight.copy_(tensors[f"model/{name}"])
                average.copy_(tensors[f"average/{name}"])
                if progress.step:
                    kept = {part: tensors[f"optimiser/{part}/{name}"] for part in _OF_ADAM}
                    self.optimiser.state[weight] = {
                        part: value.to(weight.device) for part, value in kept.items()
                    }
