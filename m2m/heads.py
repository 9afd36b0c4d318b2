"""Prediction heads: what the last layer's numbers mean, which loss trains them, which forecast they give.

Letters: B rows of a batch, N rows, m tasks, o numbers a head reads per row and task.

Labels come divided by the task's training mean (`task_scales`): money and counts then weigh alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from m2m.forecast import Forecast, Values
from m2m.losses import poisson_loss
from m2m.spec import FeatureSpec

Raw = npt.NDArray[np.float32]


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

    def forecast(self, raw: Raw, scales: Values, spec: FeatureSpec) -> Forecast:
        """raw: [N, m, o]; scales: [m]. Bounded tasks are clipped. Raises ValueError naming a task whose forecast is
        not finite."""
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

    def forecast(self, raw: Raw, scales: Values, spec: FeatureSpec) -> Forecast:
        """exp(log-rate) times the training mean."""
        return Forecast(mean_in_task_units(raw[..., 0], scales, spec))


HEADS: Mapping[str, type[Head]] = {"poisson": PoissonHead}


def make_head(name: str) -> Head:
    """The head of that name. Raises ValueError on an unknown one."""
    if name not in HEADS:
        raise ValueError(f"head {name!r} is unknown, expected one of {sorted(HEADS)}")
    return HEADS[name]()


def mean_in_task_units(log_rate: Raw, scales: Values, spec: FeatureSpec) -> Values:
    """exp(log-rate) * training mean [N, m], bounded tasks clipped. Raises ValueError naming a task that is
    not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.exp(log_rate.astype(np.float64)) * scales
    for column, task in enumerate(spec.tasks):
        bad = int(np.sum(~np.isfinite(values[:, column])))
        if bad:
            raise ValueError(f"{bad} predictions of {task} are not finite, expected numbers from 0 on")
        if task in spec.bounded_tasks:
            np.clip(values[:, column], 0.0, spec.bounded_tasks[task], out=values[:, column])
    return values
