from __future__ import annotations

import torch

from m2m.sequence_embedding import SequenceEmbedding


def test_columns_and_position_are_concatenated_by_hand() -> None:
    layer = SequenceEmbedding(bins=(2, 3), days=2, d_input=1, d_position=2)
    with torch.no_grad():
        layer.values.weight.copy_(torch.tensor([[10.0], [11.0], [20.0], [21.0], [22.0]]))
        layer.position.copy_(torch.tensor([[0.1, 0.2], [0.3, 0.4]]))
    bins = torch.tensor([[[1, 0], [0, 2]]], dtype=torch.uint8)
    expected = torch.tensor([[[11.0, 20.0, 0.1, 0.2], [10.0, 22.0, 0.3, 0.4]]])
    torch.testing.assert_close(layer(bins), expected)
    assert layer.width == 4


def test_ids_above_a_byte_reach_their_rows() -> None:
    layer = SequenceEmbedding(bins=(200, 200), days=1, d_input=1, d_position=1)
    found = layer(torch.tensor([[[0, 199]]], dtype=torch.uint8))
    torch.testing.assert_close(found[0, 0, 1], layer.values.weight[399, 0])
