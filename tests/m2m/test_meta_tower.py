from __future__ import annotations

import torch
from torch.nn.functional import leaky_relu

from m2m.meta_tower import MetaTower
from tests.m2m import reference


def test_equals_the_equations_row_by_row() -> None:
    layer = MetaTower(d_view=4, d_scenario=3, meta_layers=2, layers=2)
    scenario, tasks = torch.randn(3, 3), torch.randn(3, 2, 5, 4)
    found = layer(tasks, layer.generate(scenario))
    for group in range(3):
        level = tasks[group, 1, 4]
        for unit in layer.units:
            level = leaky_relu(reference.meta_unit(unit, level, scenario[group], 0) + level)
        torch.testing.assert_close(found[group, 1, 4], level, rtol=1e-5, atol=1e-6)


def test_nothing_generated_leaves_the_residual_path() -> None:
    layer = MetaTower(d_view=2, d_scenario=1, meta_layers=1, layers=3, generated=False)
    for weight in layer.parameters():
        torch.nn.init.zeros_(weight)
    tasks = torch.tensor([[[[1.0, 2.0]]]])
    torch.testing.assert_close(layer(tasks, layer.generate(torch.zeros(1, 1))), tasks)


def test_two_layers_with_the_residual_path_by_hand() -> None:
    layer = MetaTower(d_view=1, d_scenario=1, meta_layers=1, layers=2)
    first, second = (unit.layers[0] for unit in layer.units)
    with torch.no_grad():
        for part, numbers in ((first, (1.0, 0.5, 0.0, -5.0)), (second, (-1.0, 0.0, 0.0, 0.0))):
            for weight, value in zip(
                (part.weight_base, part.weight_map, part.bias_base, part.bias_map), numbers, strict=True
            ):
                weight.fill_(value)
    found = layer(torch.tensor([[[[3.0], [-1.0]]]]), layer.generate(torch.tensor([[2.0]])))
    # S~ = 2: W = 1 + .5 * 2 = 2, b = -5 * 2 = -10.
    # 3: LeakyReLU(6 - 10) = -.04, plus 3 = 2.96; then LeakyReLU(-2.96) = -.0296, plus 2.96 = 2.9304
    # -1: LeakyReLU(-12) = -.12, minus 1 = -1.12, LeakyReLU -.0112; then +.0112 - .0112 = 0
    torch.testing.assert_close(found.flatten(), torch.tensor([2.9304, 0.0]))
