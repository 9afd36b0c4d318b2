"""Optimiser, learning-rate schedule and gradient clipping (section 5.1.3).

Letters: w weights, u the update an optimiser proposes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from m2m.config import TrainingConfig


class Clippy(torch.optim.Adam):
    """Adam whose update of a tensor is scaled down until no weight moves too far.

    Tang et al., "Improving Training Stability for Multitask Ranking Models in Recommender Systems" (KDD 2023),
    algorithm 1: the scale is min(1, min_i (relative |w_i| + absolute) / |u_i|), one number per tensor, so the
    direction stays. Gradient clipping limits the gradient; this limits what an adaptive optimiser makes of it.
    """

    def __init__(
        self, params: Iterable[Tensor], relative: float = 0.5, absolute: float = 0.01, **adam: Any
    ) -> None:
        super().__init__(params, **adam)
        self.relative, self.absolute = relative, absolute

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step; returns the closure's loss as Adam does."""
        moved = [w for group in self.param_groups for w in group["params"] if w.grad is not None]
        before = [weight.clone() for weight in moved]
        loss = super().step(closure)
        for weight, old in zip(moved, before, strict=True):
            update = weight - old
            allowed = self.relative * old.abs() + self.absolute
            scale = (allowed / update.abs()).min().clamp(max=1.0)  # 0 / 0 cannot occur: `allowed` is positive
            weight.copy_(torch.lerp(old, weight, scale) if bool(scale < 1) else weight)
        return loss


def make_optimiser(model: nn.Module, training: TrainingConfig) -> torch.optim.Adam:
    """The optimiser that `training` names, with the paper's Adam settings."""
    adam: dict[str, Any] = {"lr": training.learning_rate, "betas": (0.9, 0.998), "eps": 1e-9}
    if training.optimiser == "clippy":
        return Clippy(model.parameters(), **adam)
    return torch.optim.Adam(model.parameters(), fused=True, **adam)


def learning_rate(step: int, total_steps: int, training: TrainingConfig) -> float:
    """Linear warm-up; then, by schedule, a cosine from the full rate to its final share, or constant. step: from 1."""
    if step <= training.warmup_steps:
        return training.learning_rate * step / training.warmup_steps
    if training.schedule == "constant":
        return training.learning_rate
    done = min(1.0, (step - training.warmup_steps) / max(1, total_steps - training.warmup_steps))
    low = training.final_learning_rate_share
    return training.learning_rate * (low + (1 - low) * (1 + math.cos(math.pi * done)) / 2)


def gradient_norm(weights: Iterable[nn.Parameter]) -> Tensor:
    """The norm of all gradients together; NaN or infinite when any value is."""
    return torch.nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])


def clip_gradients(weights: list[nn.Parameter], training: TrainingConfig) -> None:
    """Clip by value, then by norm where a norm is set."""
    torch.nn.utils.clip_grad_value_(weights, training.gradient_limit)
    if training.gradient_norm_limit is not None:
        torch.nn.utils.clip_grad_norm_(weights, training.gradient_norm_limit)
