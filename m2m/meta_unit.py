"""The meta unit: layers whose weights are generated from scenario knowledge (section 4.2.1, equations 9-13).

Letters: U distinct knowledge rows, s = d_scenario, c copies (units side by side, one per task in meta
attention), K layers, d width, g rows of a group.

Weights are generated once per distinct knowledge row and applied to all rows of its group with one product. A
matrix is kept as [d in, d out], so that a row vector is multiplied from the left: h @ W.

Two layouts of rows. Padded: [u, c, g, i], groups of similar size side by side, one batched product; best for narrow
layers, where a product costs less than its call. In segments: [1, c, R, i], all rows in the order of their groups
without padding, one product per group; best for wide layers, where gathering the weights of a block would cost more
than multiplying them. In segments the weights may also be generated as they are multiplied (`LazyLayer`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from m2m.generated_product import GeneratedProduct

# Generated weights start close to v_w, a usual initialisation, and only learn to depend on S~ (equation 11).
_START_OF_DEPENDENCE = 0.1


Change = Callable[[Tensor], Tensor]


class Layer(Protocol):
    """Anything that multiplies rows by the weights of their group."""

    def product(self, rows: Tensor) -> Tensor:
        """rows: [u, c, g, i]. Returns rows W + b [u, c, g, o]."""
        ...


@dataclass(frozen=True)
class GeneratedLayer:
    """weight [U, c, i, o] and bias [U, c, o] of one layer."""

    weight: Tensor
    bias: Tensor

    def product(self, rows: Tensor) -> Tensor:
        """rows [U, c, g, i], one batched product. Returns [U, c, g, o]."""
        product = torch.baddbmm(
            self.bias.flatten(0, 1).unsqueeze(1), rows.flatten(0, 1), self.weight.flatten(0, 1)
        )
        return product.view(*rows.shape[:3], self.weight.shape[3])

    def map(self, change: Change) -> GeneratedLayer:
        """`change` applied to every tensor."""
        return GeneratedLayer(change(self.weight), change(self.bias))

    def in_segments(self, groups: Sequence[int], sizes: Sequence[int]) -> Layer:
        """The layer for rows [1, c, R, i] of which `sizes` belong to `groups` in turn."""
        if len(groups) == 1:
            return self.map(lambda tensor: tensor[groups[0]].unsqueeze(0))
        return _SegmentedLayer(self, groups, sizes)


@dataclass(frozen=True)
class _SegmentedLayer:
    layer: GeneratedLayer
    groups: Sequence[int]
    sizes: Sequence[int]

    def product(self, rows: Tensor) -> Tensor:
        """rows [1, c, R, i], a product per group with a view of its weights. Returns [1, c, R, o]."""
        weight, bias = self.layer.weight, self.layer.bias
        parts = torch.split(rows[0], spread(self.sizes, rows.shape[2]), dim=1)
        found = [
            torch.baddbmm(bias[group].unsqueeze(1), part, weight[group])
            for part, group in zip(parts, self.groups, strict=True)
        ]
        return torch.cat(found, dim=1).unsqueeze(0)


@dataclass(frozen=True)
class LazyLayer:
    """What generates a layer: S~ [U, s], V_w [s, c * d * d], v_w [c, d, d]; and its bias [U, c, d], which is there."""

    scenario: Tensor
    weight_map: Tensor
    weight_base: Tensor
    bias: Tensor

    def map(self, change: Change) -> LazyLayer:
        """`change` applied to every tensor that has U as its first axis."""
        return LazyLayer(change(self.scenario), self.weight_map, self.weight_base, change(self.bias))

    def in_segments(self, groups: Sequence[int], sizes: Sequence[int]) -> Layer:
        """The layer for rows [1, c, R, i] of which `sizes` belong to `groups` in turn."""
        places = torch.tensor(groups, device=self.scenario.device)
        chosen = self.map(lambda tensor: tensor.index_select(0, places))
        return _LazySegments(chosen, sizes)


@dataclass(frozen=True)
class _LazySegments:
    layer: LazyLayer
    sizes: Sequence[int]

    def product(self, rows: Tensor) -> Tensor:
        """rows [1, c, R, i]: the first i rows of W are generated. Returns [1, c, R, d]."""
        layer, sizes = self.layer, spread(self.sizes, rows.shape[2])
        parts = (rows[0], layer.scenario, layer.weight_map, layer.weight_base, layer.bias, sizes)
        product: Tensor = GeneratedProduct.apply(*parts)  # type: ignore[no-untyped-call]
        return product.unsqueeze(0)


def spread(sizes: Sequence[int], rows: int) -> list[int]:
    """`sizes` for `rows` rows in all: each row of a group may stand for several, one per expert or task."""
    each = rows // sum(sizes)
    return [size * each for size in sizes]


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

    def lazy(self, scenario: Tensor) -> LazyLayer | GeneratedLayer:
        """The same without the weights; they are generated where they are multiplied. scenario: S~ [U, s]."""
        if not self.generated:
            return self(scenario)  # type: ignore[no-any-return]
        bias = torch.addmm(self.bias_base.flatten(), scenario, self.bias_map).view(-1, self.copies, self.d)
        return LazyLayer(scenario, self.weight_map, self.weight_base, bias)


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
        self.copies = copies
        parts = [MetaLayer(d, d_scenario, copies, scale, generated) for _ in range(layers)]
        self.layers = nn.ModuleList(parts)

    def generate(self, scenario: Tensor) -> list[GeneratedLayer]:
        """The K layers for each distinct knowledge row. scenario: S~ [U, s]."""
        return [layer(scenario) for layer in self.layers]

    def lazy(self, scenario: Tensor) -> list[LazyLayer | GeneratedLayer]:
        """The K layers, to be generated where they are multiplied. scenario: S~ [U, s]."""
        return [layer.lazy(scenario) for layer in self.layers]  # type: ignore[operator]

    @staticmethod
    def apply_layers(rows: Tensor, layers: Sequence[Layer]) -> Tensor:
        """Meta(h) of equation 13. rows: [U, c, g, d], the rows of each group. Returns the same shape."""
        for layer in layers:
            # In place: the product is new, and no gradient needs it from before.
            rows = leaky_relu(layer.product(rows), inplace=True)
        return rows
