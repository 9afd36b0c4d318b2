"""Self-attention over the days of one kind of sequence (section 4.1.2, equations 2-5).

Letters: B rows, T days, X width of an embedded day (in the paper X is the matrix of all of them), h heads, c = d_head
(the paper's d in equation 2), H = h * c. `mix` is the paper's W^H.

The paper brings the T output vectors "into a fixed-length vector" without saying how. We concatenate the last
day's vector (what the newest day looks like in the light of the others) and the mean over days (the level of
the whole window): both are needed to see a fall, and neither grows with T.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class TransformerLayer(nn.Module):
    """One multi-head self-attention: no feed-forward part and no added non-linearity."""

    def __init__(self, width: int, heads: int, d_head: int) -> None:
        super().__init__()
        self.heads, self.d_head = heads, d_head
        self.query_key_value = nn.Linear(width, 3 * heads * d_head, bias=False)
        self.mix = nn.Linear(heads * d_head, heads * d_head, bias=False)
        self.output_width = 2 * heads * d_head

    def attend(self, days: Tensor) -> Tensor:
        """MH(X) of equations 3 and 4. days: [B, T, X]. Returns [B, T, H]."""
        rows, length, _ = days.shape
        parts = self.query_key_value(days).view(rows, length, 3, self.heads, self.d_head)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        # softmax(Q K' / sqrt(c)) V: the scale stands inside the softmax.
        heads = scaled_dot_product_attention(query, key, value)
        mixed: Tensor = self.mix(heads.transpose(1, 2).reshape(rows, length, -1))
        return mixed

    def forward(self, days: Tensor) -> Tensor:
        """days: [B, T, X]. Returns a fixed-length vector [B, 2 * H]: last day, mean over days."""
        attended = self.attend(days)
        return torch.cat([attended[:, -1], attended.mean(dim=1)], dim=1)


class PooledDays(nn.Module):
    """The ablation "without transformer layer": the embedded days pooled as they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.output_width = 2 * width

    def forward(self, days: Tensor) -> Tensor:
        """days: [B, T, X]. Returns [B, 2 * X]: last day, mean over days."""
        return torch.cat([days[:, -1], days.mean(dim=1)], dim=1)
