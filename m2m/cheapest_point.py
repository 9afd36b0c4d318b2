"""The estimate with the least expected cost under a hurdle and a quantile function.

Letters: N rows, m tasks, K equally likely amounts, C candidates, a = ABSOLUTE_WEIGHT (`m2m.point_estimate`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from m2m.metrics import symmetric_errors
from m2m.point_estimate import ABSOLUTE_WEIGHT

Values = npt.NDArray[np.float64]
AMOUNT_LEVELS = tuple((step + 0.5) / 10 for step in range(10))
"""Levels of the amounts, given that something happens: as good as 20 of them for choosing among three candidates."""


def cheapest(
    candidates: Sequence[Values], amounts: Sequence[Values], probability: Values, means: Values
) -> Values:
    """Of C candidates the one with the least expected a |p - y| / mean + |p - y| / ((p + y) / 2), row by row and task
    by task; the first of equal ones.

    candidates, amounts: arrays [N, m]; the label is 0 with 1 - `probability` [N, m], else each amount is equally
    likely. means: [m]. Returns [N, m]. Raises ValueError without a candidate or without an amount.
    """
    if not candidates or not amounts:
        raise ValueError(
            f"{len(candidates)} candidates, {len(amounts)} amounts, expected at least one of each"
        )
    found, least = candidates[0], _expected(candidates[0], amounts, probability, means)
    for candidate in candidates[1:]:
        cost = _expected(candidate, amounts, probability, means)
        found, least = np.where(cost < least, candidate, found), np.minimum(cost, least)
    return found


def _expected(point: Values, amounts: Sequence[Values], probability: Values, means: Values) -> Values:
    nothing = _cost(point, np.zeros_like(point), means)
    something = sum((_cost(point, amount, means) for amount in amounts), np.zeros_like(point))
    expected: Values = (1 - probability) * nothing + probability * something / len(amounts)
    return expected


def _cost(point: Values, actual: Values, means: Values) -> Values:
    cost: Values = ABSOLUTE_WEIGHT * np.abs(point - actual) / means + symmetric_errors(actual, point)
    return cost
