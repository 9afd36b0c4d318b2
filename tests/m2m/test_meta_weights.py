from __future__ import annotations

import torch

from m2m.meta_unit import GeneratedLayer
from m2m.meta_weights import MetaWeights


def numbered(first: int) -> torch.Tensor:
    """[U = 3]: first, first + 1, first + 2."""
    return torch.arange(first, first + 3)


def layer(first: int) -> GeneratedLayer:
    return GeneratedLayer(numbered(first), numbered(first + 10))


WEIGHTS = MetaWeights([layer(0), layer(200)], [[layer(300), layer(400)], [layer(500)]])


def test_every_tensor_once_by_hand() -> None:
    firsts = [int(tensor[0]) for tensor in WEIGHTS.tensors()]
    assert sorted(firsts) == [0, 10, 200, 210, 300, 310, 400, 410, 500, 510]


def test_select_takes_the_same_knowledge_rows_everywhere() -> None:
    chosen = WEIGHTS.select(torch.tensor([2, 0, 2]))
    for before, after in zip(WEIGHTS.tensors(), chosen.tensors(), strict=True):
        assert after.tolist() == [int(before[2]), int(before[0]), int(before[2])]


def test_map_changes_every_tensor_and_keeps_the_shape_of_the_whole() -> None:
    doubled = WEIGHTS.map(lambda tensor: 2 * tensor)
    assert [int(tensor[1]) for tensor in doubled.tensors()] == [
        2 * int(tensor[1]) for tensor in WEIGHTS.tensors()
    ]
    assert [len(unit) for unit in doubled.tower] == [2, 1]
