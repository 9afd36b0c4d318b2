"""All meta layers of a set of knowledge rows, as one value that can be indexed and kept.

Letters: U distinct knowledge rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from m2m.meta_unit import Change, GeneratedLayer, Layer, LazyLayer


@dataclass(frozen=True)
class Layers:
    """The layers of meta attention and of the tower's units, ready to multiply."""

    attention: Sequence[Layer]
    tower: Sequence[Sequence[Layer]]


@dataclass(frozen=True)
class MetaWeights:
    """The layers of meta attention and of the tower's units; every tensor that depends on the knowledge row has U as
    its first axis."""

    attention: Sequence[GeneratedLayer | LazyLayer]
    tower: Sequence[Sequence[GeneratedLayer | LazyLayer]]

    def map(self, change: Change) -> MetaWeights:
        """`change` applied to every tensor that has U as its first axis."""
        return MetaWeights(
            [layer.map(change) for layer in self.attention],
            [[layer.map(change) for layer in unit] for unit in self.tower],
        )

    def select(self, groups: Tensor) -> MetaWeights:
        """The weights of the knowledge rows `groups` [u]."""
        return self.map(lambda tensor: tensor.index_select(0, groups))

    def in_segments(self, groups: Sequence[int], sizes: Sequence[int]) -> Layers:
        """For rows of which `sizes` belong to `groups` in turn. Nothing is copied."""

        def of(layers: Sequence[GeneratedLayer | LazyLayer]) -> Sequence[Layer]:
            return [layer.in_segments(groups, sizes) for layer in layers]

        return Layers(of(self.attention), [of(unit) for unit in self.tower])

    def tensors(self) -> list[Tensor]:
        """All tensors that have U as their first axis, in a fixed order."""
        found: list[Tensor] = []
        keep: Callable[[Tensor], Tensor] = lambda tensor: found.append(tensor) or tensor  # type: ignore[func-returns-value] # noqa: E731
        self.map(keep)
        return found
