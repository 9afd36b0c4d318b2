"""Meta attention over expert views (section 4.2.2, equations 14-16).

Letters: U distinct knowledge rows, g rows of a group, k experts, m tasks, d = d_view, s = d_scenario.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from m2m.meta_unit import GeneratedLayer, MetaUnit, grouped_product


@dataclass(frozen=True)
class AttentionWeights:
    """expert_half [U, m, d, 2d]: rows of the first layer that meet E_i; task_half [U, m, 2d]: T_t times the
    other rows, plus the bias, the same for every row of a group; rest: the layers after the first."""

    expert_half: Tensor
    task_half: Tensor
    rest: list[GeneratedLayer]


class MetaAttention(nn.Module):
    """a_ti = v . Meta_t([E_i || T_t]); alpha = softmax over experts; R_t = sum_i alpha_ti E_i."""

    def __init__(self, d_view: int, d_scenario: int, layers: int, tasks: int, generated: bool = True) -> None:
        super().__init__()
        self.d_view = d_view
        self.unit = MetaUnit(2 * d_view, d_scenario, layers, tasks, math.sqrt(2.0), generated)
        self.vector = nn.Parameter(torch.randn(2 * d_view) / math.sqrt(2 * d_view))

    def generate(self, scenario: Tensor, task_views: Tensor) -> AttentionWeights:
        """scenario: S~ [U, s]; task_views: [m, d]. Everything that does not depend on the rows of a group."""
        first, *rest = self.unit.generate(scenario)
        expert_half, other = first.weight[:, :, : self.d_view], first.weight[:, :, self.d_view :]
        task_half = torch.einsum("md,umdo->umo", task_views, other) + first.bias
        return AttentionWeights(expert_half, task_half, rest)

    def scores(self, experts: Tensor, weights: AttentionWeights) -> Tensor:
        """a of equation 14. experts: [U, g, k, d]. Returns [U, m, g, k]."""
        groups, rows, views, _ = experts.shape
        tasks = weights.task_half.shape[1]
        flat = experts.flatten(1, 2).unsqueeze(1).expand(-1, tasks, -1, -1)
        hidden = leaky_relu(grouped_product(flat, weights.expert_half, weights.task_half))
        hidden = MetaUnit.apply_layers(hidden, weights.rest)
        return (hidden @ self.vector).view(groups, tasks, rows, views)

    def forward(self, experts: Tensor, weights: AttentionWeights) -> Tensor:
        """experts: [U, g, k, d]. Returns R [U, m, g, d] (equations 15 and 16)."""
        share = torch.softmax(self.scores(experts, weights), dim=3)
        return torch.einsum("umgk,ugkd->umgd", share, experts)
