"""Meta residual tower (section 4.2.3, equations 17 and 18).

Letters: U distinct knowledge rows, g rows of a group, m tasks, L layers, d = d_view, s = d_scenario.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from m2m.meta_unit import GeneratedLayer, Layer, LazyLayer, MetaUnit


class MetaTower(nn.Module):
    """L_t <- LeakyReLU(Meta(L_t) + L_t), L times. The units of equation 18 carry no task index: tasks share
    them."""

    def __init__(
        self, d_view: int, d_scenario: int, meta_layers: int, layers: int, generated: bool = True
    ) -> None:
        super().__init__()
        # Half of the usual spread: the sum with the residual path then keeps its size through the layers.
        units = [MetaUnit(d_view, d_scenario, meta_layers, 1, 0.5, generated) for _ in range(layers)]
        self.units = nn.ModuleList(units)

    def generate(self, scenario: Tensor) -> list[list[GeneratedLayer]]:
        """The layers of every unit for each distinct knowledge row. scenario: S~ [U, s]."""
        return [unit.generate(scenario) for unit in self.units]  # type: ignore[operator]

    def lazy(self, scenario: Tensor) -> list[list[LazyLayer | GeneratedLayer]]:
        """The same, to be generated where they are multiplied. scenario: S~ [U, s]."""
        return [unit.lazy(scenario) for unit in self.units]  # type: ignore[operator]

    def forward(self, tasks: Tensor, weights: Sequence[Sequence[Layer]]) -> Tensor:
        """tasks: R [U, m, g, d]. Returns the same shape."""
        groups, count, rows, width = tasks.shape
        # A row's tasks stand side by side: rows in segments then keep the order of their groups.
        level = tasks.transpose(1, 2).reshape(groups, 1, rows * count, width)
        for layers in weights:
            level = leaky_relu(MetaUnit.apply_layers(level, layers) + level, inplace=True)
        return level.view(groups, rows, count, width).transpose(1, 2)
