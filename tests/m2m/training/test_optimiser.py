from __future__ import annotations

import pytest
import torch

from m2m import TrainingConfig
from m2m.training.optimiser import Clippy, clip_gradients, gradient_norm, learning_rate, make_optimiser


def test_learning_rate_by_hand() -> None:
    config = TrainingConfig(learning_rate=1.0, warmup_steps=10, final_learning_rate_share=0.5)
    assert learning_rate(5, 110, config) == 0.5
    assert learning_rate(10, 110, config) == 1.0
    assert learning_rate(60, 110, config) == pytest.approx(0.75)
    assert learning_rate(500, 110, config) == pytest.approx(0.5)
    steady = TrainingConfig(learning_rate=1.0, warmup_steps=10, schedule="constant")
    assert (learning_rate(5, 110, steady), learning_rate(90, 110, steady)) == (0.5, 1.0)


def step_of(optimiser: type[torch.optim.Adam], gradient: list[float]) -> list[float]:
    """Weights (2, -1, 0) after one step at rate 1: Adam's first update is 1 against the gradient's sign."""
    weight = torch.nn.Parameter(torch.tensor([2.0, -1.0, 0.0]))
    weight.grad = torch.tensor(gradient)
    optimiser([weight], lr=1.0, eps=0.0).step()
    return weight.tolist()


def test_clippy_scales_the_update_of_a_tensor_by_its_tightest_weight_by_hand() -> None:
    # allowed: .5 |w| + .01 = 1.01, .51, .01; Adam moves each by 1, so the last weight sets the scale: .01
    assert step_of(Clippy, [3.0, -5.0, 1.0]) == pytest.approx([1.99, -0.99, -0.01])
    assert step_of(torch.optim.Adam, [3.0, -5.0, 1.0]) == pytest.approx([1.0, 0.0, -1.0])


def test_clippy_is_adam_while_updates_are_small() -> None:
    found = []
    for kind in ("adam", "clippy"):
        torch.manual_seed(2)
        model = torch.nn.Linear(5, 3)
        optimiser = make_optimiser(model, TrainingConfig(optimiser=kind, learning_rate=1e-3))
        for _ in range(5):
            optimiser.zero_grad()
            model(torch.ones(2, 5)).square().sum().backward()
            optimiser.step()
        found.append(model.weight.detach().clone())
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-7)


def test_gradients_are_clipped_by_value_then_by_norm() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([30.0, -4.0])
    assert float(gradient_norm([weight])) == pytest.approx((900 + 16) ** 0.5)
    clip_gradients([weight], TrainingConfig(gradient_limit=3.0))
    assert weight.grad.tolist() == [3.0, -3.0]
    clip_gradients([weight], TrainingConfig(gradient_limit=3.0, gradient_norm_limit=1.0))
    assert float(weight.grad.norm()) == pytest.approx(1.0, rel=1e-5)
