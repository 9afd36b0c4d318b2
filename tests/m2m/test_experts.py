from __future__ import annotations

import torch
from torch.nn.functional import leaky_relu

from m2m.experts import Experts


def test_each_expert_is_a_network_of_its_own() -> None:
    layer, features = Experts(width=3, experts=2, d_hidden=4, d_view=5), torch.randn(6, 3)
    found = layer(features)
    assert found.shape == (6, 2, 5)
    for expert in range(2):
        part = slice(expert * 4, (expert + 1) * 4)
        hidden = leaky_relu(features @ layer.hidden.weight[part].T + layer.hidden.bias[part])
        expected = hidden @ layer.weight[expert] + layer.bias[expert]
        torch.testing.assert_close(found[:, expert], expected)


def test_by_hand() -> None:
    layer = Experts(width=1, experts=1, d_hidden=1, d_view=1)
    with torch.no_grad():
        layer.hidden.weight.fill_(2.0)
        layer.hidden.bias.fill_(1.0)
        layer.weight.fill_(3.0)
        layer.bias.fill_(0.5)
    found = layer(torch.tensor([[2.0], [-3.0]])).flatten()
    torch.testing.assert_close(found, torch.tensor([15.5, 0.5 - 0.15]))
