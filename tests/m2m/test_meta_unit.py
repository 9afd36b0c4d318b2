from __future__ import annotations

import pytest
import torch

from m2m.meta_unit import MetaLayer, MetaUnit
from tests.m2m import reference


def test_by_hand() -> None:
    layer = MetaLayer(d=2, d_scenario=1, copies=1, scale=1.0, generated=True)
    with torch.no_grad():
        layer.weight_base.copy_(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
        layer.weight_map.copy_(torch.tensor([[0.0, 1.0, 0.0, 0.0]]))
        layer.bias_base.copy_(torch.tensor([[0.0, -100.0]]))
        layer.bias_map.copy_(torch.tensor([[1.0, 0.0]]))
    weights = layer(torch.tensor([[2.0]]))
    # W = I + 2 e12, b = (2, -100), h = (3, 4): h W = (3, 10), plus b (5, -90), LeakyReLU (5, -.9)
    found = MetaUnit.apply_layers(torch.tensor([[[[3.0, 4.0]]]]), [weights])
    torch.testing.assert_close(found.flatten(), torch.tensor([5.0, -0.9]))


@pytest.mark.parametrize("generated", [True, False])
def test_grouped_equals_row_by_row(generated: bool) -> None:
    unit = MetaUnit(d=6, d_scenario=3, layers=3, copies=2, generated=generated)
    scenario, rows = torch.randn(4, 3), torch.randn(4, 2, 5, 6)
    found = MetaUnit.apply_layers(rows, unit.generate(scenario))
    for group in range(4):
        for copy in range(2):
            for row in range(5):
                expected = reference.meta_unit(unit, rows[group, copy, row], scenario[group], copy)
                torch.testing.assert_close(found[group, copy, row], expected, rtol=1e-5, atol=1e-6)


def test_gradients_are_right() -> None:
    unit = MetaUnit(d=3, d_scenario=2, layers=2, copies=2).double()
    names = [name for name, _ in unit.named_parameters()]

    def run(rows: torch.Tensor, scenario: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        layers = torch.func.functional_call(
            _Generate(unit), {f"unit.{n}": w for n, w in zip(names, weights, strict=True)}, (scenario,)
        )
        return MetaUnit.apply_layers(rows, layers)

    inputs = [torch.randn(2, 2, 3, 3), torch.randn(2, 2), *[w.detach().clone() for w in unit.parameters()]]
    assert torch.autograd.gradcheck(run, [value.double().requires_grad_() for value in inputs])


class _Generate(torch.nn.Module):
    def __init__(self, unit: MetaUnit) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, scenario: torch.Tensor) -> list[object]:
        return list(self.unit.generate(scenario))


def test_weights_start_near_the_base_and_depend_on_the_scenario() -> None:
    layer = MetaLayer(d=64, d_scenario=16, copies=1, scale=1.0, generated=True)
    weights = layer(torch.randn(2, 16)).weight.detach()
    assert 0.1 < float(weights.std()) * 8 < 2
    apart = float((weights[0] - weights[1]).std() / weights.std())
    assert 0.02 < apart < 0.5


def test_two_groups_and_two_layers_by_hand() -> None:
    unit = MetaUnit(d=1, d_scenario=1, layers=2)
    with torch.no_grad():
        for layer, (base, by_scenario, bias) in zip(
            unit.layers, ((1.0, 1.0, 0.0), (2.0, 0.0, 1.0)), strict=True
        ):
            layer.weight_base.fill_(base)
            layer.weight_map.fill_(by_scenario)
            layer.bias_base.fill_(bias)
    found = MetaUnit.apply_layers(
        torch.tensor([[[[3.0]]], [[[3.0]]]]), unit.generate(torch.tensor([[1.0], [-2.0]]))
    )
    # S~ = 1: 3 * 2 = 6, 6 * 2 + 1 = 13.  S~ = -2: 3 * -1 = -3, LeakyReLU -.03, -.06 + 1 = .94
    torch.testing.assert_close(found.flatten(), torch.tensor([13.0, 0.94]))
