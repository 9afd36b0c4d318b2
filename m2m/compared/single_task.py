"""Single Task: nothing that learns from F is shared.

Letters: B rows, X width of F with S~, m tasks, d = d_view.
"""

from __future__ import annotations

from torch import Tensor

from m2m.compared.baseline import Baseline, share_units
from m2m.experts import Experts


class SingleTask(Baseline):
    """An expert and a tower of its own for every task.

    Days are still embedded and attended to once for all tasks, and S~ is shared. A copy of the days' part per task
    makes a training step of `base` four times as long (256 rows, five tasks: 88 ms of CPU against 21; M2M 27).
    """

    def add_views(self) -> None:
        """As many experts as tasks."""
        units = share_units(self.hidden_units, self.tasks)
        self.experts = Experts(self.width, self.tasks, units, self.config.d_view, self.config.dropout)

    def views(self, features: Tensor) -> Tensor:
        """features: [B, X]. Returns [B, m, d]."""
        found: Tensor = self.experts(features)
        return found
