"""Meta attention over expert views (section 4.2.2, equations 14-16).

Letters: U distinct knowledge rows, g rows of a group, k experts, m tasks, d = d_view, s = d_scenario.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from m2m.meta_unit import GeneratedLayer, Layer, LazyLayer, MetaLayer, MetaUnit

AnyLayer = GeneratedLayer | LazyLayer


class MetaAttention(nn.Module):
    """a_ti = v . Meta_t([E_i || T_t]); alpha = softmax over experts; R_t = sum_i alpha_ti E_i."""

    def __init__(self, d_view: int, d_scenario: int, layers: int, tasks: int, generated: bool = True) -> None:
        super().__init__()
        self.d_view = d_view
        self.unit = MetaUnit(2 * d_view, d_scenario, layers, tasks, math.sqrt(2.0), generated)
        self.vector = nn.Parameter(torch.randn(2 * d_view) / math.sqrt(2 * d_view))

    def generate(self, scenario: Tensor, task_views: Tensor) -> list[GeneratedLayer]:
        """The K layers. scenario: S~ [U, s]; task_views: [m, d].

        Of the first one's weight only the rows that meet E_i are kept [U, m, d, 2d]; T_t times the other rows, the same
        for every row of a group, is part of its bias [U, m, 2d].
        """
        first, *rest = self.unit.generate(scenario)
        expert_half, other = first.weight[:, :, : self.d_view], first.weight[:, :, self.d_view :]
        task_half = torch.einsum("md,umdo->umo", task_views, other) + first.bias
        return [GeneratedLayer(expert_half, task_half), *rest]

    def lazy(self, scenario: Tensor, task_views: Tensor) -> list[AnyLayer]:
        """`generate` without the weights: T_t meets V_w and v_w instead of W, which is the same number and needs no
        weights of any group."""
        first, *rest = self.unit.lazy(scenario)
        if not isinstance(first, LazyLayer):
            return [*self.generate(scenario, task_views)]
        source: MetaLayer = self.unit.layers[0]  # type: ignore[assignment]
        tasks, width = len(task_views), 2 * self.d_view
        other = source.weight_map.view(-1, tasks, width, width)[:, :, self.d_view :]
        of_map = torch.einsum("md,smdo->smo", task_views, other)
        of_base = torch.einsum("md,mdo->mo", task_views, source.weight_base[:, self.d_view :])
        bias = torch.einsum("us,smo->umo", scenario, of_map) + of_base + first.bias
        return [LazyLayer(scenario, first.weight_map, first.weight_base, bias), *rest]

    def scores(self, experts: Tensor, layers: Sequence[Layer]) -> Tensor:
        """a of equation 14. experts: [U, g, k, d]. Returns [U, m, g, k]."""
        groups, rows, views, _ = experts.shape
        tasks = self.unit.copies
        flat = experts.flatten(1, 2).unsqueeze(1).expand(-1, tasks, -1, -1)
        hidden = MetaUnit.apply_layers(flat, layers)
        return (hidden @ self.vector).view(groups, tasks, rows, views)

    def forward(self, experts: Tensor, layers: Sequence[Layer]) -> Tensor:
        """experts: [U, g, k, d]. Returns R [U, m, g, d] (equations 15 and 16)."""
        share = torch.softmax(self.scores(experts, layers), dim=3)
        return torch.einsum("umgk,ugkd->umgd", share, experts)
