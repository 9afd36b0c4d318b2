"""Expert views E_i = MLP_i(F) (section 4.1.3, equation 6).

Letters: B rows, X width of F, k experts, n = d_hidden units, d = d_view (d_1 in equation 14).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu


class Experts(nn.Module):
    """k two-layer networks side by side: the first layers are one product, the second ones one batched
    product."""

    def __init__(self, width: int, experts: int, d_hidden: int, d_view: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.experts, self.d_hidden = experts, d_hidden
        self.hidden = nn.Linear(width, experts * d_hidden)
        self.weight = nn.Parameter(torch.empty(experts, d_hidden, d_view))
        self.bias = nn.Parameter(torch.zeros(experts, 1, d_view))
        self.dropout = nn.Dropout(dropout)
        nn.init.kaiming_normal_(self.hidden.weight, nonlinearity="leaky_relu")
        nn.init.zeros_(self.hidden.bias)
        nn.init.normal_(self.weight, std=1 / math.sqrt(d_hidden))

    def forward(self, features: Tensor) -> Tensor:
        """features: F [B, X]. Returns [B, k, d]."""
        hidden = self.dropout(leaky_relu(self.hidden(features)))
        by_expert = hidden.view(len(features), self.experts, self.d_hidden).transpose(0, 1)
        return torch.baddbmm(self.bias, by_expert, self.weight).transpose(0, 1)
