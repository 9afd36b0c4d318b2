"""Poisson multi-task loss (section 4.3, equations 19 and 20).

Letters: B rows of a batch, N training rows, m tasks; lambda_t, the task weights, are in `TrainingConfig`.

Money and counts differ by orders of magnitude, so each task's values are divided by its training mean
(`task_scales`); only then do the weights lambda_t mean something.
"""

from __future__ import annotations

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
