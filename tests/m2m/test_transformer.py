from __future__ import annotations

import math

import torch

from m2m.transformer import PooledDays, TransformerLayer


def attend_plainly(layer: TransformerLayer, days: torch.Tensor) -> torch.Tensor:
    """Equations 2-4 with loops. days: [T, X]."""
    query, key, value = layer.query_key_value(days).chunk(3, dim=1)
    heads = []
    for head in range(layer.heads):
        part = slice(head * layer.d_head, (head + 1) * layer.d_head)
        scores = query[:, part] @ key[:, part].T / math.sqrt(layer.d_head)
        heads.append(torch.softmax(scores, dim=1) @ value[:, part])
    return torch.cat(heads, dim=1) @ layer.mix.weight.T


def test_equals_the_equations() -> None:
    layer, days = TransformerLayer(width=5, heads=2, d_head=3), torch.randn(4, 6, 5)
    expected = torch.stack([attend_plainly(layer, row) for row in days])
    torch.testing.assert_close(layer.attend(days), expected, rtol=1e-5, atol=1e-6)
    fixed = torch.cat([expected[:, -1], expected.mean(dim=1)], dim=1)
    torch.testing.assert_close(layer(days), fixed, rtol=1e-5, atol=1e-6)
    assert layer.output_width == fixed.shape[1]


def test_by_hand_with_equal_keys() -> None:
    layer = TransformerLayer(width=1, heads=1, d_head=1)
    with torch.no_grad():
        layer.query_key_value.weight.copy_(torch.tensor([[1.0], [0.0], [1.0]]))
        layer.mix.weight.fill_(2.0)
    found = layer.attend(torch.tensor([[[1.0], [2.0], [6.0]]]))
    torch.testing.assert_close(found, torch.full((1, 3, 1), 6.0))


def test_pooled_days() -> None:
    found = PooledDays(2)(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
    assert found.tolist() == [[3.0, 6.0, 2.0, 4.0]]
