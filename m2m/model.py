"""M2M: the whole network (section 4).

Letters: B rows, X width of F (equation 5), k experts, m tasks, d = d_view, U distinct knowledge rows, s = d_scenario,
o numbers the head reads per row and task; u groups, g rows of a padded group and n real rows of a block.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from m2m.experts import Experts
from m2m.groups import Block, Groups, Segments
from m2m.meta_attention import MetaAttention
from m2m.meta_tower import MetaTower
from m2m.meta_weights import Layers, MetaWeights
from m2m.network import Network
from m2m.task_views import TaskViews

# From this width on a group's weights are large, and multiplying them in place beats gathering them.
_SEGMENTS_FROM_WIDTH = 128
SEGMENT_ROWS = 2048


class M2M(Network):
    """Multi-scenario multi-task network. The head says what its numbers mean, in units of the task's
    training mean."""

    def add_parts(self) -> None:
        """Experts, task views, knowledge, meta attention, meta tower, head."""
        config = self.config
        self.in_segments = config.d_view >= _SEGMENTS_FROM_WIDTH
        # Without any meta module nothing else would carry the scenario to the prediction.
        self.knowledge_input = config.knowledge_input or (
            config.without_meta_attention and config.without_meta_tower
        )
        width = self.width + (config.d_scenario if self.knowledge_input else 0)
        self.experts = Experts(width, config.experts, config.d_expert_hidden, config.d_view, config.dropout)
        self.task_views = TaskViews(self.tasks, config.d_view)
        self.add_knowledge()
        sizes = (config.d_view, config.d_scenario, config.meta_layers)
        self.attention = MetaAttention(*sizes, self.tasks, not config.without_meta_attention)
        self.tower = MetaTower(*sizes, config.tower_layers, not config.without_meta_tower)
        self.add_head()

    def meta_parameters(self) -> list[nn.Parameter]:
        """W1 of equation 19: what generates or replaces the weights of the meta units."""
        return [*self.attention.unit.parameters(), *self.tower.parameters()]

    def generate(self, scenario: Tensor) -> MetaWeights:
        """All generated weights, once per distinct knowledge row. scenario: S~ [U, s]."""
        attention = self.attention.generate(scenario, self.task_views())
        return MetaWeights(attention, self.tower.generate(scenario))

    def lazy(self, scenario: Tensor) -> MetaWeights:
        """`generate` without the weights: they are generated where they are multiplied. scenario: S~ [U, s]."""
        attention = self.attention.lazy(scenario, self.task_views())
        return MetaWeights(attention, self.tower.lazy(scenario))

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
