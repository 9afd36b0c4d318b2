from __future__ import annotations

import torch

from m2m.scenario_knowledge import ScenarioKnowledge


def test_each_column_has_its_own_stretch_of_the_table() -> None:
    layer = ScenarioKnowledge(sizes=(2, 3), d_knowledge=4, d_scenario=5)
    found = layer(torch.tensor([[1, 2], [0, 0]]))
    table = layer.values.weight
    expected = layer.layers(torch.stack([torch.cat([table[1], table[4]]), torch.cat([table[0], table[2]])]))
    torch.testing.assert_close(found, expected)
    assert found.shape == (2, 5)


def test_by_hand() -> None:
    layer = ScenarioKnowledge(sizes=(2, 2), d_knowledge=1, d_scenario=1)
    first, second = layer.layers[0], layer.layers[2]
    with torch.no_grad():
        layer.values.weight.copy_(torch.tensor([[0.0], [2.0], [0.0], [3.0]]))
        first.weight.copy_(torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
        first.bias.copy_(torch.tensor([0.0, -9.0]))
        second.weight.copy_(torch.tensor([[2.0, 100.0]]))
        second.bias.fill_(1.0)
    # (2, 3): (5, -10), LeakyReLU (5, -.1), 10 - 10 + 1 = 1; unknown (0, 0): (0, -.09), -9 + 1 = -8, LeakyReLU -.08
    torch.testing.assert_close(layer(torch.tensor([[1, 1], [0, 0]])), torch.tensor([[1.0], [-0.08]]))
