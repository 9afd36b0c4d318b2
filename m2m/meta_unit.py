"""The meta unit: layers whose weights are generated from scenario knowledge (section 4.2.1, equations 9-13).

Letters: U distinct knowledge rows, s = d_scenario, c copies (units side by side, one per task in meta
attention), K layers, d width, g rows of a group.

Weights are generated once per distinct knowledge row and applied to all rows of its group with one product. A
matrix is kept as [d in, d out], so that a row vector is multiplied from the left: h @ W.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

# Generated weights start close to v_w, a usual initialisation, and only learn to depend on S~ (equation 11).
_START_OF_DEPENDENCE = 0.1


@dataclass(frozen=True)
class GeneratedLayer:
    """weight [U, c, d, d] and bias [U, c, d] of one layer."""

    weight: Tensor
    bias: Tensor


class MetaLayer(nn.Module):
    """Generates W = Reshape(V_w S~ + v_w) and b = V_b S~ + v_b (equations 11 and 12)."""

    def __init__(self, d: int, d_scenario: int, copies: int, scale: float, generated: bool) -> None:
        """scale: of the starting weights, times the usual 1/sqrt(d). Not `generated`: W = v_w and b = v_b."""
        super().__init__()
        self.d, self.copies, self.generated = d, copies, generated
        spread = scale / math.sqrt(d)
        self.weight_base = nn.Parameter(torch.randn(copies, d, d) * spread)
        self.bias_base = nn.Parameter(torch.zeros(copies, d))
        if generated:
            dependence = _START_OF_DEPENDENCE * spread / math.sqrt(d_scenario)
            self.weight_map = nn.Parameter(torch.randn(d_scenario, copies * d * d) * dependence)
            self.bias_map = nn.Parameter(torch.zeros(d_scenario, copies * d))

    def forward(self, scenario: Tensor) -> GeneratedLayer:
        """scenario: S~ [U, s]."""
        shape = (len(scenario), self.copies, self.d)
        if not self.generated:
            return GeneratedLayer(self.weight_base.expand(*shape, -1), self.bias_base.expand(shape))
        weight = torch.addmm(self.weight_base.flatten(), scenario, self.weight_map)
        bias = torch.addmm(self.bias_base.flatten(), scenario, self.bias_map)
        return GeneratedLayer(weight.view(*shape, self.d), bias.view(shape))


class MetaUnit(nn.Module):
    """K generated layers: h <- LeakyReLU(h W + b) (equation 10)."""

    def __init__(
        self,
        d: int,
        d_scenario: int,
        layers: int,
        copies: int = 1,
        scale: float = 1.0,
        generated: bool = True,
    ) -> None:
        super().__init__()
        parts = [MetaLayer(d, d_scenario, copies, scale, generated) for _ in range(layers)]
        self.layers = nn.ModuleList(parts)

    def generate(self, scenario: Tensor) -> list[GeneratedLayer]:
        """The K layers for each distinct knowledge row. scenario: S~ [U, s]."""
        return [layer(scenario) for layer in self.layers]

    @staticmethod
    def apply_layers(rows: Tensor, layers: list[GeneratedLayer]) -> Tensor:
        """Meta(h) of equation 13. rows: [U, c, g, d], the rows of each group. Returns the same shape."""
        for layer in layers:
            rows = leaky_relu(grouped_product(rows, layer.weight, layer.bias))
        return rows


def grouped_product(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """rows [U, c, g, i] by weight [U, c, i, o] plus bias [U, c, o], one product per group. Returns [U, c, g,
    o]."""
    product = torch.baddbmm(bias.flatten(0, 1).unsqueeze(1), rows.flatten(0, 1), weight.flatten(0, 1))
    return product.view(*rows.shape[:3], weight.shape[3])
