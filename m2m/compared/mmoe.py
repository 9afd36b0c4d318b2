"""MMoE (Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts", KDD 2018).

Letters: B rows, X width of F with S~, k experts, m tasks, d = d_view.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from m2m.compared.baseline import Baseline
from m2m.experts import Experts


class MMoE(Baseline):
    """Experts shared by all tasks; each task weighs them by a gate of its own that reads F and S~."""

    def add_views(self) -> None:
        """k experts and m gates."""
        config = self.config
        self.experts = Experts(
            self.width, config.experts, config.d_expert_hidden, config.d_view, config.dropout
        )
        self.gates = nn.Linear(self.width, self.tasks * config.experts)

    def views(self, features: Tensor) -> Tensor:
        """features: [B, X]. Returns [B, m, d]."""
        share = torch.softmax(self.gates(features).view(len(features), self.tasks, -1), dim=2)
        return torch.bmm(share, self.experts(features))
