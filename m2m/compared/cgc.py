"""CGC, one level of PLE (Tang et al., "Progressive Layered Extraction", RecSys 2020).

Letters: B rows, X width of F with S~, k shared experts, m tasks, d = d_view.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from m2m.compared.baseline import Baseline, share_units
from m2m.experts import Experts


class CGC(Baseline):
    """Shared experts and one of its own for every task; a task's gate weighs the shared ones and its own."""

    def add_views(self) -> None:
        """k shared experts (half of M2M's), m of a task's own, m gates over k + 1."""
        config = self.config
        self.shared = max(1, config.experts // 2)
        units = share_units(self.hidden_units, self.shared + self.tasks)
        self.experts = Experts(self.width, self.shared + self.tasks, units, config.d_view, config.dropout)
        self.gates = nn.Linear(self.width, self.tasks * (self.shared + 1))

    def views(self, features: Tensor) -> Tensor:
        """features: [B, X]. Returns [B, m, d]."""
        shared, own = self.experts(features).split([self.shared, self.tasks], dim=1)
        share = torch.softmax(self.gates(features).view(len(features), self.tasks, -1), dim=2)
        mixed: Tensor = torch.bmm(share[..., :-1], shared) + share[..., -1:] * own
        return mixed
