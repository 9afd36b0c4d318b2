"""What the six compared networks have in common.

Letters: B rows, X width of F with S~, m tasks, d = d_view, U distinct knowledge rows, s = d_scenario, o numbers the
head reads per row and task.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from m2m.groups import Groups
from m2m.meta_weights import MetaWeights
from m2m.network import Network


class TaskTowers(nn.Module):
    """A residual tower per task, like M2M's but with weights of its own in place of generated ones."""

    def __init__(self, tasks: int, d_view: int, layers: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(layers, tasks, d_view, d_view) * (0.5 / math.sqrt(d_view)))
        self.bias = nn.Parameter(torch.zeros(layers, tasks, 1, d_view))

    def layer(self, number: int, level: Tensor) -> Tensor:
        """One layer. level: [m, B, d]. Returns [m, B, d]."""
        return leaky_relu(torch.baddbmm(self.bias[number], level, self.weight[number]) + level)

    def forward(self, views: Tensor) -> Tensor:
        """views: [B, m, d]. Returns [B, m, d]."""
        level = views.transpose(0, 1)
        for number in range(len(self.weight)):
            level = self.layer(number, level)
        return level.transpose(0, 1)


class Baseline(Network):
    """F joined with S~, so that scenario and profile are inputs; then a view per task (`views`), a tower per task, the
    head. Hidden units of all experts together are as many as M2M's, so the weights are about as many as those of M2M
    without meta modules; what generates weights comes on top there (`base`, five tasks: 94,000 to 105,000 numbers,
    M2M without meta modules 108,000, M2M 474,000)."""

    def add_parts(self) -> None:
        """Knowledge, what `views` needs, towers, head."""
        config = self.config
        self.add_knowledge()
        self.width += config.d_scenario
        self.hidden_units = config.experts * config.d_expert_hidden
        self.add_views()
        self.towers = TaskTowers(self.tasks, config.d_view, config.tower_layers)
        self.add_head()

    def add_views(self) -> None:
        """The parts that `views` needs."""
        raise NotImplementedError

    def views(self, features: Tensor) -> Tensor:
        """One vector per task. features: F with S~ [B, X]. Returns [B, m, d]."""
        raise NotImplementedError

    def rise(self, views: Tensor) -> Tensor:
        """Through the towers. views: [B, m, d]. Returns [B, m, d]."""
        level: Tensor = self.towers(views)
        return level

    def from_features(
        self, features: Tensor, groups: Groups, scenario: Tensor, weights: MetaWeights
    ) -> Tensor:
        """Everything after F [B, X]. Returns [B, m, o]."""
        joined = torch.cat([features, scenario[groups.row_group]], dim=1)
        # The head has its own precision, as in M2M.
        level = self.rise(self.views(joined)).to(self.head_weight.dtype)
        return torch.einsum("bmd,mod->bmo", level, self.head_weight) + self.head_bias


def share_units(units: int, experts: int) -> int:
    """Hidden units of each of `experts`, of `units` in all; at least 1."""
    return max(1, round(units / experts))
