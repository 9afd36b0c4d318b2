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
