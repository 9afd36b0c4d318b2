"""All generated weights of a set of knowledge rows, as one value that can be indexed and kept.

Letters: U distinct knowledge rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from m2m.meta_attention import AttentionWeights
from m2m.meta_unit import GeneratedLayer


@dataclass(frozen=True)
class MetaWeights:
    """Weights of meta attention and of the tower; every tensor has U as its first axis."""

    attention: AttentionWeights
    tower: list[list[GeneratedLayer]]

    def map(self, change: Callable[[Tensor], Tensor]) -> MetaWeights:
        """`change` applied to every tensor."""

        def layer(item: GeneratedLayer) -> GeneratedLayer:
            return GeneratedLayer(change(item.weight), change(item.bias))

        first = self.attention
        rest = [layer(item) for item in first.rest]
        attention = AttentionWeights(change(first.expert_half), change(first.task_half), rest)
        return MetaWeights(attention, [[layer(item) for item in unit] for unit in self.tower])

    def select(self, groups: Tensor) -> MetaWeights:
        """The weights of the knowledge rows `groups` [u]."""
        return self.map(lambda tensor: tensor.index_select(0, groups))

    def tensors(self) -> list[Tensor]:
        """All tensors, in a fixed order."""
        found: list[Tensor] = []
        self.map(lambda tensor: found.append(tensor) or tensor)  # type: ignore[func-returns-value]
        return found
