"""A quantile function that cannot cross: straight lines between knots whose heights only rise.

Letters: B rows, m tasks, K knots.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
"""Levels of the knots. A hurdle asks for conditional levels down to almost 0, and for none above 0.9."""
_MIDDLE = len(LEVELS) // 2
# With numbers around 0 as weights start, neighbouring knots lie softplus(-1) = 0.31 apart.
_SPACING = -1.0


def knots(raw: Tensor) -> Tensor:
    """Heights of the knots: the middle one as it is, the others by positive steps away from it. [..., K] -> [..., K].

    Raises ValueError when the last axis is not K long.
    """
    if raw.shape[-1] != len(LEVELS):
        raise ValueError(
            f"{raw.shape[-1]} numbers per row and task, expected {len(LEVELS)}, one for each knot"
        )
    middle, steps = raw[..., _MIDDLE : _MIDDLE + 1], softplus(raw + _SPACING)
    above = steps[..., _MIDDLE + 1 :].cumsum(-1)
    below = steps[..., :_MIDDLE].flip(-1).cumsum(-1).flip(-1)
    return torch.cat([middle - below, middle, middle + above], dim=-1)


def pinball_loss(heights: Tensor, values: Tensor) -> Tensor:
    """Twice the mean pinball loss over the knots: with many levels, the CRPS. [..., K] and [...] -> [...].

    Koenker and Bassett, "Regression Quantiles" (1978).
    """
    levels = heights.new_tensor(LEVELS)
    above = values.unsqueeze(-1) - heights
    return 2 * torch.maximum(levels * above, (levels - 1) * above).mean(-1)


def value_at(heights: Tensor, level: Tensor) -> Tensor:
    """The quantile at a level in [0, 1]; beyond the outermost knots the last line goes on. [..., K], [...] -> [...]."""
    levels = heights.new_tensor(LEVELS)
    right = torch.searchsorted(levels, level.contiguous()).clamp(1, len(LEVELS) - 1).unsqueeze(-1)
    low, high = levels[right - 1], levels[right]
    share = (level.unsqueeze(-1) - low) / (high - low)
    start, end = heights.gather(-1, right - 1), heights.gather(-1, right)
    return torch.lerp(start, end, share).squeeze(-1)
