"""Bin ids of one kind of sequence (behaviours or performance) to vectors per day (section 4.1.1).

Letters: B rows, T days, F columns of this kind, e = d_input, P = d_position, X = F * e + P.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SequenceEmbedding(nn.Module):
    """Each column's bin to e numbers, a day's columns concatenated, and a trainable position concatenated to
    it."""

    offsets: Tensor

    def __init__(self, bins: Sequence[int], days: int, d_input: int, d_position: int) -> None:
        """bins: number of bin ids of each column. All columns share one table, each with its own stretch of
        rows."""
        super().__init__()
        self.values = nn.Embedding(sum(bins), d_input)
        self.position = nn.Parameter(torch.randn(days, d_position) * 0.5)
        nn.init.normal_(self.values.weight, std=0.5)
        starts = torch.cumsum(torch.tensor([0, *bins[:-1]], dtype=torch.int32), dim=0, dtype=torch.int32)
        self.register_buffer("offsets", starts, persistent=False)
        self.width = len(bins) * d_input + d_position

    def forward(self, bins: Tensor) -> Tensor:
        """bins: whole numbers [B, T, F]. Returns [B, T, X]."""
        values = self.values(bins.to(torch.int32) + self.offsets).flatten(start_dim=2)
        position = self.position.expand(len(bins), -1, -1)
        return torch.cat([values, position], dim=2)
