from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import xlogy
from sklearn.metrics import mean_poisson_deviance

from m2m.losses import poisson_loss, task_scales


def test_poisson_loss_by_hand() -> None:
    log_rate = torch.tensor([[0.0, math.log(2.0)], [math.log(3.0), 0.0]])
    labels = torch.tensor([[1.0, 0.0], [2.0, 4.0]])
    expected = torch.tensor([[1.0, 2.0], [3 - 2 * math.log(3.0), 1.0]])
    torch.testing.assert_close(poisson_loss(log_rate, labels), expected)


def test_poisson_loss_is_least_at_the_mean() -> None:
    labels = torch.tensor([[0.0], [1.0], [8.0]])
    rates = torch.linspace(0.5, 6.0, 111)
    losses = [float(poisson_loss(rate.log().expand(3, 1), labels).mean()) for rate in rates]
    assert float(rates[int(np.argmin(losses))]) == pytest.approx(3.0, abs=0.03)


def test_agrees_with_the_poisson_deviance_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    labels, rates = generator.poisson(2.0, 50) + 1.0, generator.gamma(2.0, 1.0, (2, 50))
    ours = [
        float(poisson_loss(torch.tensor(r).log()[:, None], torch.tensor(labels)[:, None]).mean())
        for r in rates
    ]
    theirs = [mean_poisson_deviance(labels, r) for r in rates]
    assert 2 * (ours[0] - ours[1]) == pytest.approx(theirs[0] - theirs[1], rel=1e-9)


def test_scales_are_training_means_and_never_zero() -> None:
    assert task_scales(np.array([[1.0, 0.0], [3.0, 0.0]]).mean(axis=0)).tolist() == [2.0, 1.0]


def test_half_the_poisson_deviance_above_the_best_rate() -> None:
    generator = np.random.default_rng(1)
    labels, rates = generator.poisson(1.0, 200).astype(np.float64), generator.gamma(2.0, 1.0, 200)
    ours = poisson_loss(torch.tensor(rates).log()[:, None], torch.tensor(labels)[:, None]).numpy()[:, 0]
    best = labels - xlogy(labels, labels)  # the rate that is the label itself
    assert 2 * (ours - best).mean() == pytest.approx(mean_poisson_deviance(labels, rates), rel=1e-9)
