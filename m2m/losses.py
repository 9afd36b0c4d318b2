"""Poisson multi-task loss and regulariser (section 4.3, equations 19 and 20).

Letters: B rows of a batch, N training rows, m tasks; lambda_t task weights and alpha the regularisation weight, as in
the paper, are in `TrainingConfig`.

Money and counts differ by orders of magnitude, so each task's values are divided by its training mean
(`task_scales`); only then do the weights lambda_t mean something.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def task_scales(mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What labels are divided by: each task's mean over the training labels [m], 1 for a task that is always 0."""
    return np.where(mean > 0, mean, 1.0)


def poisson_loss(log_rate: Tensor, scaled: Tensor) -> Tensor:
    """rate - y log rate of each row and task (equation 20). log_rate, scaled labels: [B, m]. Returns [B, m]."""
    return torch.exp(log_rate) - scaled * log_rate


def regulariser(meta: Iterable[Tensor], other: Iterable[Tensor]) -> Tensor:
    """|W1|^2 + |W2|^2 of equation 19: squared Frobenius norms of meta-unit and other weights."""
    parts = [weight.square().sum() for weights in (meta, other) for weight in weights]
    return torch.stack(parts).sum()
