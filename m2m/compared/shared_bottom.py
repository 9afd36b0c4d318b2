"""Shared Bottom (Caruana, "Multitask Learning", 1997): one network below, a tower per task above.

Letters: B rows, X width of F with S~, m tasks, d = d_view.
"""

from __future__ import annotations

from torch import Tensor

from m2m.compared.baseline import Baseline
from m2m.experts import Experts


class SharedBottom(Baseline):
    """Everything below the towers is shared by all tasks."""

    def add_views(self) -> None:
        """One expert with all hidden units."""
        self.bottom = Experts(self.width, 1, self.hidden_units, self.config.d_view, self.config.dropout)

    def views(self, features: Tensor) -> Tensor:
        """features: [B, X]. The same vector for every task [B, m, d]."""
        bottom: Tensor = self.bottom(features)
        return bottom.expand(-1, self.tasks, -1)
