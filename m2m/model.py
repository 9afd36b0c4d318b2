"""M2M: the whole network (section 4).

Letters: B rows, T days, F sequence columns, D dense features, X width of F (equation 5), k experts, m tasks,
d = d_view, U distinct knowledge rows, C knowledge columns, s = d_scenario, o numbers the head reads per row and
task; u groups, g rows of a padded group and n real rows of a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from m2m.config import ModelConfig
from m2m.experts import Experts
from m2m.groups import Block, Groups, Segments
from m2m.heads import make_head
from m2m.meta_attention import MetaAttention
from m2m.meta_tower import MetaTower
from m2m.meta_weights import Layers, MetaWeights
from m2m.scenario_knowledge import ScenarioKnowledge
from m2m.sequence_embedding import SequenceEmbedding
from m2m.spec import FeatureSpec
from m2m.task_views import TaskViews
from m2m.transformer import PooledDays, TransformerLayer

# From this width on a group's weights are large, and multiplying them in place beats gathering them.
_SEGMENTS_FROM_WIDTH = 128
ROWS_AT_ONCE, SEGMENT_ROWS = 512, 2048


class M2M(nn.Module):
    """Multi-scenario multi-task network. The head says what its numbers mean, in units of the task's
    training mean."""

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
        self.config, self.behaviours = config, len(spec.behaviours)
        self.in_segments = config.d_view >= _SEGMENTS_FROM_WIDTH
        tasks = len(spec.tasks)
        self.behaviour_days, self.behaviour_layer = _sequence(bins[: self.behaviours], spec, config)
        self.performance_days, self.performance_layer = _sequence(bins[self.behaviours :], spec, config)
        width = self.behaviour_layer.output_width + self.performance_layer.output_width + dense_width
        # Without any meta module nothing else would carry the scenario to the prediction.
        self.knowledge_input = config.knowledge_input or (
            config.without_meta_attention and config.without_meta_tower
        )
        width += config.d_scenario if self.knowledge_input else 0
        self.experts = Experts(width, config.experts, config.d_expert_hidden, config.d_view, config.dropout)
        self.task_views = TaskViews(tasks, config.d_view)
        self.knowledge = ScenarioKnowledge(knowledge_sizes, config.d_knowledge, config.d_scenario)
        sizes = (config.d_view, config.d_scenario, config.meta_layers)
        self.attention = MetaAttention(*sizes, tasks, not config.without_meta_attention)
        self.tower = MetaTower(*sizes, config.tower_layers, not config.without_meta_tower)
        self.head = make_head(config.head)
        outputs = self.head.outputs
        spread = 0.1 / config.d_view**0.5
        self.head_weight = nn.Parameter(torch.randn(tasks, outputs, config.d_view) * spread)
        self.head_bias = nn.Parameter(torch.zeros(tasks, outputs))

    def meta_parameters(self) -> list[nn.Parameter]:
        """W1 of equation 19: what generates or replaces the weights of the meta units."""
        return [*self.attention.unit.parameters(), *self.tower.parameters()]

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
        attention = self.attention.generate(scenario, self.task_views())
        return MetaWeights(attention, self.tower.generate(scenario))

    def lazy(self, scenario: Tensor) -> MetaWeights:
        """`generate` without the weights: they are generated where they are multiplied. scenario: S~ [U, s]."""
        attention = self.attention.lazy(scenario, self.task_views())
        return MetaWeights(attention, self.tower.lazy(scenario))

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
        if self.knowledge_input:
            features = torch.cat([features, scenario[groups.row_group]], dim=1)
        if self.in_segments:
            return self._in_segments(features, groups.segments, weights)
        experts = self.experts(features)
        parts = [self._block(experts, block, weights) for block in groups.blocks]
        return torch.cat(parts).index_select(0, groups.restore)

    def _block(self, experts: Tensor, block: Block, weights: MetaWeights) -> Tensor:
        """experts: [B, k, d]. Returns the head's numbers of the block's real rows [n, m, o]."""
        lines, width = block.rows.shape
        rows = experts.index_select(0, block.rows.flatten()).view(lines, width, *experts.shape[1:])
        flat = self._meta(rows, weights.select(block.groups)).flatten(0, 1)
        return flat if block.filled is None else flat.index_select(0, block.filled)

    def _in_segments(self, features: Tensor, segments: Segments, weights: MetaWeights) -> Tensor:
        """features: [B, X]. Returns the head's numbers [B, m, o]."""
        max_rows = None if torch.is_grad_enabled() else SEGMENT_ROWS
        parts, start = [], 0
        features = features.index_select(0, segments.order)
        for groups, sizes in segments.cut(max_rows):
            rows = self.experts(features[start : start + sum(sizes)]).unsqueeze(0)
            parts.append(self._meta(rows, weights.in_segments(groups, sizes)).squeeze(0))
            start += sum(sizes)
        return torch.cat(parts).index_select(0, segments.restore)

    def _meta(self, experts: Tensor, layers: MetaWeights | Layers) -> Tensor:
        """experts: [u, g, k, d]. Returns the head's numbers [u, g, m, o]."""
        level = self.tower(self.attention(experts, layers.attention), layers.tower)
        # The head has its own precision: in bfloat16 a log-rate would keep too few digits.
        level = level.to(self.head_weight.dtype)
        return torch.einsum("umgd,mod->ugmo", level, self.head_weight) + self.head_bias


def _sequence(
    bins: Sequence[int], spec: FeatureSpec, config: ModelConfig
) -> tuple[SequenceEmbedding, TransformerLayer | PooledDays]:
    days = SequenceEmbedding(bins, spec.history_days, config.d_input, config.d_position)
    if config.without_transformer:
        return days, PooledDays(days.width)
    return days, TransformerLayer(days.width, config.heads, config.d_head)
