"""MRAN (Zhao et al., "Multiple Relational Attention Network for Multi-task Learning", KDD 2019).

Letters: B rows, X width of F with S~, k feature views, m tasks, d = d_view.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from m2m.compared.baseline import Baseline
from m2m.experts import Experts
from m2m.task_views import TaskViews


class Relation(nn.Module):
    """Attention of some views over others with a residual path: what the one takes from the other."""

    def __init__(self, d_view: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(d_view, d_view, bias=False), nn.Linear(d_view, d_view, bias=False)
        self.value = nn.Linear(d_view, d_view)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """asking: [..., i, d]; asked: [..., j, d]. Returns [..., i, d]."""
        scores = self.query(asking) @ self.key(asked).transpose(-1, -2) / math.sqrt(asking.shape[-1])
        taken: Tensor = torch.softmax(scores, dim=-1) @ self.value(asked)
        return asking + taken


class MRAN(Baseline):
    """Three relations: among feature views, among tasks, and of tasks to feature views. The feature views are experts;
    a task is a learned vector, as in M2M."""

    def add_views(self) -> None:
        """k feature views, m task views, three attentions."""
        config = self.config
        self.experts = Experts(
            self.width, config.experts, config.d_expert_hidden, config.d_view, config.dropout
        )
        self.task_views = TaskViews(self.tasks, config.d_view)
        self.among_features, self.among_tasks = Relation(config.d_view), Relation(config.d_view)
        self.to_features = Relation(config.d_view)

    def views(self, features: Tensor) -> Tensor:
        """features: [B, X]. Returns [B, m, d]."""
        found = self.experts(features)
        tasks = self.task_views()
        related = self.among_tasks(tasks, tasks).expand(len(features), -1, -1)
        related_to: Tensor = self.to_features(related, self.among_features(found, found))
        return related_to
