"""A weighted mean of several forecasts, its weights learned on validation rows.

Letters: N rows, m tasks, K members (forecasts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from m2m.metrics import cell_weights

Values = npt.NDArray[np.float64]
# Rows at which half of the weights found is believed.
_HALF_ROWS = 500.0
_MOST_ROUNDS = 50
_LEAST_GAIN = 1e-9


@dataclass(frozen=True)
class Mix:
    """weights: [m, K], from 0 on, summing to 1 for each task."""

    weights: Values

    @classmethod
    def fit(cls, points: Sequence[Values], labels: Values, scenario: npt.NDArray[np.str_]) -> Mix:
        """The weights of least NMAE (mean over the scenarios, equation 22) for each task, shrunk towards the first
        member by N / (N + 500).

        points: K forecasts [N, m]; labels: [N, m]; scenario: text [N]. The NMAE is convex in the weights, so on these
        rows the shrunk mix is never worse than the first member. A task without labels keeps the first member. Raises
        ValueError when shapes differ or there is no member.
        """
        members = _stacked(points, labels.shape)
        weights = np.zeros((labels.shape[1], len(members)))
        importance = cell_weights(labels, scenario)
        for task in range(len(weights)):
            weights[task] = _least_error(members[:, :, task], labels[:, task], importance[:, task])
        believed = len(labels) / (len(labels) + _HALF_ROWS)
        first = np.eye(len(members))[0]
        return cls(believed * weights + (1 - believed) * first)

    def apply(self, points: Sequence[Values]) -> Values:
        """The mix [N, m] of K forecasts [N, m]. Raises ValueError when shapes differ from those of the fit."""
        if len(points) != self.weights.shape[1]:
            raise ValueError(f"{len(points)} forecasts, expected {self.weights.shape[1]} as in the fit")
        members = _stacked(points, (len(points[0]), len(self.weights)))
        return np.asarray(np.einsum("knm,mk->nm", members, self.weights))


def _least_error(members: Values, labels: Values, importance: Values) -> Values:
    """Weights [K] of least sum of importance * |mix - y|; members: [K, N].

    Weight moves from one member to another as far as it helps, pair by pair, from the best member on, until no pair
    gains. One move is solved exactly: the error is piecewise linear in the weight moved.
    """
    used = importance > 0
    members, labels, importance = members[:, used], labels[used], importance[used]
    errors = [float(importance @ np.abs(member - labels)) for member in members]
    weights: Values = np.eye(len(members))[int(np.argmin(errors))]
    error = min(errors)
    for _ in range(_MOST_ROUNDS):
        for giver, taker in permutations(range(len(members)), 2):
            rest, step = labels - weights @ members, members[taker] - members[giver]
            moved = _best_move(rest, step, importance, float(weights[giver]))
            weights[giver] -= moved
            weights[taker] += moved
        before, error = error, float(importance @ np.abs(weights @ members - labels))
        if before - error <= _LEAST_GAIN * before:
            break
    return weights


def _best_move(rest: Values, step: Values, importance: Values, most: float) -> float:
    """The t in 0..most of least sum of importance * |rest - t * step|: a weighted median of rest / step."""
    used = step != 0
    if most <= 0 or not used.any():
        return 0.0
    corner, slope = rest[used] / step[used], importance[used] * np.abs(step[used])
    order = np.argsort(corner, kind="stable")
    reached = np.cumsum(slope[order])
    median = corner[order][int(np.searchsorted(reached, reached[-1] / 2))]
    return float(np.clip(median, 0.0, most))


def _stacked(points: Sequence[Values], shape: tuple[int, ...]) -> Values:
    if not points:
        raise ValueError("there is no forecast to mix, expected at least one")
    for place, point in enumerate(points):
        if np.shape(point) != shape:
            raise ValueError(f"forecast {place} is {np.shape(point)}, expected {shape} (rows, tasks)")
    return np.stack([np.asarray(point, dtype=np.float64) for point in points])
