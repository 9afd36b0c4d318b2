"""What every network has in common: days to F, scenario knowledge, the head.

Letters: B rows, T days, F sequence columns, D dense features, X width of F (equation 5), m tasks, d = d_view, U
distinct knowledge rows, C knowledge columns, s = d_scenario, o numbers the head reads per row and task.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from m2m.config import ModelConfig
from m2m.groups import Groups
from m2m.heads import make_head
from m2m.meta_weights import MetaWeights
from m2m.scenario_knowledge import ScenarioKnowledge
from m2m.sequence_embedding import SequenceEmbedding
from m2m.spec import FeatureSpec
from m2m.transformer import PooledDays, TransformerLayer

ROWS_AT_ONCE = 512


class Network(nn.Module):
    """Base of M2M and of the networks it is compared with: all read the same features, knowledge included, and end in
    the same head. A subclass adds its parts (`add_parts`), `add_knowledge` and `add_head` among them, and says what is
    between F and the head (`from_features`)."""

    in_segments = False

    def __init__(
        self,
        spec: FeatureSpec,
        config: ModelConfig,
        bins: Sequence[int],
        knowledge_sizes: Sequence[int],
        dense_width: int,
    ) -> None:
        """bins: bin ids of each sequence column; knowledge_sizes: ids of each knowledge column; dense_width:
        D."""
        super().__init__()
        self.config, self.behaviours, self.tasks = config, len(spec.behaviours), len(spec.tasks)
        self.knowledge_sizes = tuple(knowledge_sizes)
        self.behaviour_days, self.behaviour_layer = _sequence(bins[: self.behaviours], spec, config)
        self.performance_days, self.performance_layer = _sequence(bins[self.behaviours :], spec, config)
        self.width = self.behaviour_layer.output_width + self.performance_layer.output_width + dense_width
        self.add_parts()

    def add_parts(self) -> None:
        """What a network has of its own. `width` is that of F [B, X]."""
        raise NotImplementedError

    def add_knowledge(self) -> None:
        """S~ of equation 8. (A method, so that a subclass settles the order in which weights are drawn.)"""
        config = self.config
        self.knowledge = ScenarioKnowledge(self.knowledge_sizes, config.d_knowledge, config.d_scenario)

    def add_head(self) -> None:
        """The head and its linear layer."""
        self.head = make_head(self.config.head)
        outputs, width = self.head.outputs, self.config.d_view
        self.head_weight = nn.Parameter(torch.randn(self.tasks, outputs, width) * (0.1 / width**0.5))
        self.head_bias = nn.Parameter(torch.zeros(self.tasks, outputs))

    def meta_parameters(self) -> list[nn.Parameter]:
        """W1 of equation 19: what generates or replaces the weights of meta units."""
        return []

    def embed(self, bins: Tensor) -> tuple[Tensor, Tensor]:
        """Embedded days of behaviours and of performance (section 4.1.1). bins: [B, T, F]. Returns [B, T, X] each."""
        behaviours, performance = bins[:, :, : self.behaviours], bins[:, :, self.behaviours :]
        return self.behaviour_days(behaviours), self.performance_days(performance)

    def features(self, behaviours: Tensor, performance: Tensor, dense: Tensor) -> Tensor:
        """F of equation 5 with the dense features. Embedded days [B, T, X] each; dense: [B, D]. Returns [B, X]."""
        parts = [self.behaviour_layer(behaviours), self.performance_layer(performance)]
        return torch.cat([*parts, dense.to(behaviours.dtype)], dim=1)

    def generate(self, scenario: Tensor) -> MetaWeights:
        """All generated weights, once per distinct knowledge row. scenario: S~ [U, s]."""
        return MetaWeights([], [])

    def lazy(self, scenario: Tensor) -> MetaWeights:
        """`generate` without the weights: they are generated where they are multiplied. scenario: S~ [U, s]."""
        return self.generate(scenario)

    def forward(self, bins: Tensor, dense: Tensor, groups: Groups) -> Tensor:
        """bins: whole numbers [B, T, F]; dense: [B, D]; groups: the rows' knowledge. Returns the head's
        numbers [B, m, o]."""
        scenario = self.knowledge(groups.knowledge)
        weights = self.lazy(scenario) if self.in_segments else self.generate(scenario)
        return self.forward_with(bins, dense, groups, scenario, weights)

    def forward_with(
        self, bins: Tensor, dense: Tensor, groups: Groups, scenario: Tensor, weights: MetaWeights
    ) -> Tensor:
        """`forward` with S~ [U, s] and the weights generated from it given."""
        # Without gradients a few rows at a time: embedded days of all rows would not stay in the cache.
        step = len(bins) if torch.is_grad_enabled() else ROWS_AT_ONCE
        parts = [
            self.features(*self.embed(some), more)
            for some, more in zip(torch.split(bins, step), torch.split(dense, step), strict=True)
        ]
        return self.from_features(torch.cat(parts), groups, scenario, weights)

    def from_features(
        self, features: Tensor, groups: Groups, scenario: Tensor, weights: MetaWeights
    ) -> Tensor:
        """Everything after F [B, X]. Returns [B, m, o]."""
        raise NotImplementedError


def _sequence(
    bins: Sequence[int], spec: FeatureSpec, config: ModelConfig
) -> tuple[SequenceEmbedding, TransformerLayer | PooledDays]:
    days = SequenceEmbedding(bins, spec.history_days, config.d_input, config.d_position)
    if config.without_transformer:
        return days, PooledDays(days.width)
    return days, TransformerLayer(days.width, config.heads, config.d_head)
