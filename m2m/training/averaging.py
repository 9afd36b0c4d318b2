"""Exponential moving average of weights: steadier than the last step's weights, for one pass over them a step.

No letters: the tensors are those of the model, whatever their shapes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Keeps average <- decay * average + (1 - decay) * weights. weights: the average, in the order of the
    parameters."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self._weights = [weight.detach() for weight in model.parameters()]
        self.weights = [weight.clone() for weight in self._weights]

    def update(self) -> None:
        """Take in the weights after a step. Early on the decay is smaller, so that the start is forgotten."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.weights, self._weights, 1 - decay)

    def swap(self) -> None:
        """Exchange weights and average (evaluate with the average, swap back to go on)."""
        for weight, average in zip(self._weights, self.weights, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """A detached copy of all weights."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
