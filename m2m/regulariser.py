"""The regulariser of the loss (section 4.3, equation 19).

Letters: W1 weights of the meta units, W2 all others; alpha, its weight, is `TrainingConfig.regulariser`.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def regulariser(meta: Iterable[Tensor], other: Iterable[Tensor]) -> Tensor:
    """|W1|^2 + |W2|^2 of equation 19: squared Frobenius norms of meta-unit and other weights."""
    parts = [weight.square().sum() for weights in (meta, other) for weight in weights]
    return torch.stack(parts).sum()
