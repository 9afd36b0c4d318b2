"""Scenario knowledge S~ = MLP(S, A) (section 4.1.5, equation 8).

Letters: U distinct knowledge rows, C knowledge columns, a = d_knowledge, s = d_scenario.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ScenarioKnowledge(nn.Module):
    """Scenario attributes and advertiser profile, all categorical, to one vector per distinct knowledge
    row."""

    offsets: Tensor

    def __init__(self, sizes: Sequence[int], d_knowledge: int, d_scenario: int) -> None:
        """sizes: number of ids of each knowledge column, "unknown" (0) included."""
        super().__init__()
        self.values = nn.Embedding(sum(sizes), d_knowledge)
        self.layers = nn.Sequential(
            nn.Linear(len(sizes) * d_knowledge, 2 * d_scenario),
            nn.LeakyReLU(),
            nn.Linear(2 * d_scenario, d_scenario),
            nn.LeakyReLU(),
        )
        nn.init.normal_(self.values.weight, std=0.5)
        starts = torch.cumsum(torch.tensor([0, *sizes[:-1]]), dim=0)
        self.register_buffer("offsets", starts, persistent=False)

    def forward(self, knowledge: Tensor) -> Tensor:
        """knowledge: ids [U, C]. Returns [U, s]."""
        embedded = self.values(knowledge + self.offsets).flatten(start_dim=1)
        mixed: Tensor = self.layers(embedded)
        return mixed
