from __future__ import annotations

import math

import torch
from torch.nn.functional import leaky_relu

from m2m.meta_attention import MetaAttention
from tests.m2m import reference


def test_equals_the_equations_row_by_row() -> None:
    layer = MetaAttention(d_view=4, d_scenario=3, layers=2, tasks=2)
    scenario, views, experts = torch.randn(3, 3), torch.randn(2, 4), torch.randn(3, 5, 6, 4)
    found = layer(experts, layer.generate(scenario, views))
    assert found.shape == (3, 2, 5, 4)
    for group in range(3):
        for task in range(2):
            for row in range(5):
                own = experts[group, row]
                scores = [
                    layer.vector
                    @ reference.meta_unit(layer.unit, torch.cat([e, views[task]]), scenario[group], task)
                    for e in own
                ]
                share = torch.softmax(torch.stack(scores), dim=0)
                torch.testing.assert_close(found[group, task, row], share @ own, rtol=1e-5, atol=1e-6)


def test_scores_by_hand() -> None:
    layer = MetaAttention(d_view=1, d_scenario=1, layers=1, tasks=1, generated=False)
    with torch.no_grad():
        layer.unit.layers[0].weight_base.copy_(torch.tensor([[[1.0, 2.0], [10.0, 20.0]]]))
        layer.vector.copy_(torch.tensor([1.0, 0.5]))
    weights = layer.generate(torch.zeros(1, 1), torch.tensor([[3.0]]))
    found = layer.scores(torch.tensor([[[[1.0], [-50.0]]]]), weights)
    # [E || T] = (1, 3): h = (31, 62), a = 62; (-50, 3): h = (-20, -40), a = .01 * -40
    torch.testing.assert_close(found.flatten(), torch.tensor([62.0, -0.4]))
    assert leaky_relu(torch.tensor(-1.0)) == torch.tensor(-0.01)


def test_views_are_mixed_by_their_scores_by_hand() -> None:
    layer = MetaAttention(d_view=1, d_scenario=1, layers=1, tasks=2, generated=False)
    with torch.no_grad():
        layer.unit.layers[0].weight_base.copy_(torch.stack([torch.eye(2), torch.zeros(2, 2)]))
        layer.vector.copy_(torch.tensor([math.log(3.0), 5.0]))
    weights = layer.generate(torch.zeros(1, 1), torch.tensor([[7.0], [7.0]]))
    found = layer(torch.tensor([[[[1.0], [2.0]]]]), weights)
    # Task 1: a = log 3 E + 35, so 3 : 9 and R = 1/4 + 2 * 3/4; T_t alone moves no share. Task 2 has a unit of its
    # own, which sees nothing: both alike.
    torch.testing.assert_close(found.flatten(), torch.tensor([1.75, 1.5]))
