"""Task views T_t = MLP(Embedding(t)) (section 4.1.4, equation 7).

Letters: m tasks, d = d_view (d_2 in equation 14).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import leaky_relu


class TaskViews(nn.Module):
    """One anchor vector per task, learned in the same space as the expert views."""

    def __init__(self, tasks: int, d_view: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tasks, d_view)
        self.layer = nn.Linear(d_view, d_view)

    def forward(self) -> Tensor:
        """Returns [m, d]."""
        return leaky_relu(self.layer(self.embedding.weight))
