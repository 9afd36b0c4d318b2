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


def test_by_hand_with_unequal_keys() -> None:
    layer = TransformerLayer(width=1, heads=1, d_head=4)
    with torch.no_grad():
        layer.query_key_value.weight.zero_()
        layer.query_key_value.weight[[0, 4, 8]] = torch.tensor([[1.0], [2 * math.log(3.0)], [2.0]])
        layer.mix.weight.copy_(torch.eye(4))
    days = torch.tensor([[[0.0], [1.0]]])
    # Keys 0 and 2 log 3, values 0 and 2. Day 1 asks with 0: both alike, so 1. Day 2 asks with 1: scores 0 and
    # 2 log 3 / sqrt(4) = log 3, shares 1/4 and 3/4, so 1.5. The fixed-length vector: last day, mean of days.
    torch.testing.assert_close(layer.attend(days)[0, :, 0], torch.tensor([1.0, 1.5]))
    torch.testing.assert_close(layer(days)[0, [0, 4]], torch.tensor([1.5, 1.25]))


def test_two_heads_by_hand() -> None:
    layer = TransformerLayer(width=1, heads=2, d_head=1)
    with torch.no_grad():
        # Rows: queries of head 1 and 2, keys, values. Head 1 looks at both days alike, head 2 by log 3.
        layer.query_key_value.weight.copy_(torch.tensor([[0.0], [1.0], [1.0], [math.log(3.0)], [1.0], [4.0]]))
        layer.mix.weight.copy_(torch.tensor([[1.0, 0.0], [10.0, 1.0]]))
    found = layer.attend(torch.tensor([[[0.0], [1.0]]]))
    # Day 2: heads (0.5, 3), mixed (0.5, 5 + 3); day 1: heads (0.5, 2), mixed (0.5, 5 + 2).
    torch.testing.assert_close(found, torch.tensor([[[0.5, 7.0], [0.5, 8.0]]]))
