"""Cross-Stitch (Misra et al., "Cross-Stitch Networks for Multi-task Learning", CVPR 2016).

Letters: B rows, X width of F with S~, m tasks, d = d_view, L tower layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from m2m.compared.single_task import SingleTask

# Of a task's own stream at the start, as the authors advise; the rest is shared out evenly among the others.
_OWN = 0.9


class CrossStitch(SingleTask):
    """Single-task streams, mixed by a learned matrix before every layer of the towers."""

    def add_views(self) -> None:
        """Single Task's, and a matrix [m, m] for each tower layer: how much of stream j goes into stream i."""
        super().add_views()
        others = (1 - _OWN) / max(1, self.tasks - 1)
        start = torch.full((self.tasks, self.tasks), others)
        start.fill_diagonal_(_OWN if self.tasks > 1 else 1.0)
        self.stitches = nn.Parameter(start.repeat(self.config.tower_layers, 1, 1))

    def rise(self, views: Tensor) -> Tensor:
        """views: [B, m, d]. Returns [B, m, d]."""
        level = views.transpose(0, 1)
        for number, stitch in enumerate(self.stitches):
            level = self.towers.layer(number, torch.einsum("ij,jbd->ibd", stitch, level))
        return level.transpose(0, 1)
