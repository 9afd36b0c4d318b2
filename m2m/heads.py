"""Prediction heads: what the last layer's numbers mean, which loss trains them, which forecast they give.

Letters: B rows of a batch, N rows, m tasks, o numbers a head reads per row and task, K knots, q a level.

Labels come divided by the task's training mean (`task_scales`): money and counts then weigh alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from m2m.cheapest_point import AMOUNT_LEVELS, cheapest
from m2m.forecast import Forecast, ForecastError, Values
from m2m.losses import poisson_loss
from m2m.point_estimate import rounded
from m2m.quantile_function import LEVELS, knots, pinball_loss, value_at
from m2m.recalibration import INTERVAL, Recalibration
from m2m.spec import FeatureSpec

Raw = npt.NDArray[np.float32]
AS_TRAINED = Recalibration()
AMOUNT_WEIGHT = 8.0
"""Of the pinball loss beside the two others, whose gradients are larger (decision 8 has the measurements)."""


class Head(Protocol):
    """One way to read the network's last layer."""

    @property
    def outputs(self) -> int:
        """o: numbers per row and task."""
        ...

    def loss(self, raw: Tensor, scaled: Tensor) -> Tensor:
        """raw: [B, m, o]; scaled labels: [B, m]. Returns the loss of each row and task [B, m]."""
        ...

    def log_rate(self, raw: Tensor) -> Tensor:
        """raw: [B, m, o]. Returns the logarithm of the mean, in units of the training mean [B, m]; differentiable."""
        ...

    def forecast(
        self, raw: Raw, scales: Values, spec: FeatureSpec, recalibration: Recalibration = AS_TRAINED
    ) -> Forecast:
        """raw: [N, m, o]; scales: [m]. Bounded tasks are clipped. Raises ForecastError naming a task whose forecast is
        not finite."""
        ...

    def point(self, raw: Raw, scales: Values, spec: FeatureSpec, recalibration: Recalibration) -> Values:
        """raw: [N, m, o]; scales: [m]. One estimate of each total for absolute and relative errors
        (`m2m.point_estimate`) [N, m]. Raises as `forecast`."""
        ...


class PoissonHead:
    """The paper's: one log-rate, Poisson loss (equation 20). It gives a mean and no distribution."""

    outputs = 1

    def loss(self, raw: Tensor, scaled: Tensor) -> Tensor:
        """Poisson loss of the log-rates raw[..., 0]."""
        return poisson_loss(raw[..., 0], scaled)

    def log_rate(self, raw: Tensor) -> Tensor:
        """raw[..., 0]."""
        return raw[..., 0]

    def forecast(
        self, raw: Raw, scales: Values, spec: FeatureSpec, recalibration: Recalibration = AS_TRAINED
    ) -> Forecast:
        """exp(log-rate) times the training mean."""
        return Forecast(mean=_mean(raw, scales, spec))

    def point(self, raw: Raw, scales: Values, spec: FeatureSpec, recalibration: Recalibration) -> Values:
        """The mean: nothing else is known."""
        return _mean(raw, scales, spec)


class HurdleQuantileHead:
    """Whether anything happens, and if so how much: a logit and a quantile function, beside the mean.

    raw[..., 0] is the log-rate of the mean (Poisson loss, as in the paper), raw[..., 1] the logit of
    P(y > 0), raw[..., 2:] the knots of the quantile function of log(1 + y) given y > 0. After the hurdle
    model of Mullahy, "Specification and testing of some modified count data models" (1986), with quantiles in
    place of a family of distributions. Below the hurdle a quantile is exactly 0.
    """

    outputs = 2 + len(LEVELS)

    def loss(self, raw: Tensor, scaled: Tensor) -> Tensor:
        """Poisson loss, logistic loss of y > 0, and, of rows with y > 0, the pinball loss of log(1 + y)."""
        positive = (scaled > 0).to(raw.dtype)
        happens = binary_cross_entropy_with_logits(raw[..., 1], positive, reduction="none")
        amount = AMOUNT_WEIGHT * pinball_loss(knots(raw[..., 2:]), torch.log1p(scaled))
        return poisson_loss(raw[..., 0], scaled) + happens + amount * positive

    def log_rate(self, raw: Tensor) -> Tensor:
        """raw[..., 0]."""
        return raw[..., 0]

    def forecast(
        self, raw: Raw, scales: Values, spec: FeatureSpec, recalibration: Recalibration = AS_TRAINED
    ) -> Forecast:
        """All parts. Medians of whole tasks are rounded; p10 and p90 are not, they may fall between whole numbers."""
        tail = (1 - INTERVAL) / 2 + recalibration.interval_shift
        levels = (0.5, tail, 1 - tail)
        median, p10, p90 = (in_task_units(part, scales, spec) for part in self._quantiles(raw, levels))
        median = rounded(median, recalibration.is_whole(spec.tasks))
        probability = torch.sigmoid(torch.from_numpy(raw[..., 1]).double()).numpy()
        _check_finite(probability, spec)
        # A rounded median can leave a narrow interval: the interval gives way.
        low, high = np.minimum(p10, median), np.maximum(p90, median)
        return Forecast(_mean(raw, scales, spec), median, low, high, probability)

    def point(self, raw: Raw, scales: Values, spec: FeatureSpec, recalibration: Recalibration) -> Values:
        """Zero, the median or the median of what is above zero: whichever has the least expected cost."""
        whole, numbers = recalibration.is_whole(spec.tasks), torch.from_numpy(raw).double()
        stretched = scales * recalibration.point_scale

        def amount(values: Values) -> Values:
            return rounded(in_task_units(values, stretched, spec), whole)

        heights, probability = knots(numbers[..., 2:]), torch.sigmoid(numbers[..., 1]).numpy()
        amounts = [amount(_positive_part(heights, level)) for level in AMOUNT_LEVELS]
        median = amount(self._quantiles(raw, (0.5,))[0])
        candidates = [median, np.zeros_like(median), amount(_positive_part(heights, 0.5))]
        return cheapest(candidates, amounts, probability, scales)

    @staticmethod
    def _quantiles(raw: Raw, levels: tuple[float, ...]) -> list[Values]:
        """In units of the training mean [N, m], one for each level q: of the positive part at (q - P(0)) / P(y > 0)."""
        numbers = torch.from_numpy(raw).double()
        heights, positive = knots(numbers[..., 2:]), torch.sigmoid(numbers[..., 1])
        found = []
        for level in levels:
            conditional = (level - (1 - positive)) / positive
            amount = torch.expm1(value_at(heights, conditional.clamp(0, 1))).clamp(min=0)
            found.append(torch.where(conditional > 0, amount, torch.zeros_like(amount)).numpy())
        return found


def _positive_part(heights: Tensor, level: float) -> Values:
    """The quantile at one level of what is above zero, in units of the training mean [N, m]. heights: [N, m, K]."""
    at = torch.full(heights.shape[:-1], level, dtype=heights.dtype)
    amount: Values = torch.expm1(value_at(heights, at)).clamp(min=0).numpy()
    return amount


HEADS: Mapping[str, type[Head]] = {"poisson": PoissonHead, "hurdle_quantile": HurdleQuantileHead}


def make_head(name: str) -> Head:
    """The head of that name. Raises ValueError on an unknown one."""
    if name not in HEADS:
        raise ValueError(f"head {name!r} is unknown, expected one of {sorted(HEADS)}")
    return HEADS[name]()


def in_task_units(scaled: Values, scales: Values, spec: FeatureSpec) -> Values:
    """Values in units of the training mean, in the tasks' own units [N, m]; bounded tasks clipped. Raises
    ForecastError naming a task that is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = scaled * scales
    _check_finite(values, spec)
    for task, largest in spec.bounded_tasks.items():
        column = spec.tasks.index(task)
        np.clip(values[:, column], 0.0, largest, out=values[:, column])
    return values


def _check_finite(values: Values, spec: FeatureSpec) -> None:
    for column, task in enumerate(spec.tasks):
        bad = int(np.sum(~np.isfinite(values[:, column])))
        if bad:
            raise ForecastError(f"{bad} predictions of {task} are not finite, expected numbers from 0 on")


def _mean(raw: Raw, scales: Values, spec: FeatureSpec) -> Values:
    with np.errstate(over="ignore", invalid="ignore"):
        return in_task_units(np.exp(raw[..., 0].astype(np.float64)), scales, spec)
