from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from m2m import Bundle
from m2m.bundle import build_model
from m2m.groups import Groups
from m2m.weight_store import WeightStore
from tests.m2m.test_model import make, make_rows

KNOWLEDGE = np.array([[1, 1], [1, 2], [2, 1], [3, 4]])


def ask(store: WeightStore, rows: list[int]) -> None:
    """Check that the store's weights for KNOWLEDGE[rows] are those the model generates."""
    code = np.array(sorted(rows))
    groups = Groups.build(code, KNOWLEDGE[code])
    renumbered, scenario, weights = store.weights_for(groups, code)
    slots = renumbered.row_group
    expected = store.model.knowledge(torch.from_numpy(KNOWLEDGE[code]))
    torch.testing.assert_close(scenario[slots], expected)
    fresh = store.model.generate(expected)
    for kept, new in zip(weights.tensors(), fresh.tensors(), strict=True):
        torch.testing.assert_close(kept[slots], new)


@torch.inference_mode()
def test_generates_each_row_once_while_there_is_room(tiny_bundle: Bundle) -> None:
    store = WeightStore(tiny_bundle.model, 2, 2**20)
    for rows in ([0, 1], [1, 2], [0, 1, 2]):
        ask(store, rows)
    assert store.generated == 3


@torch.inference_mode()
def test_the_row_used_longest_ago_gives_way(tiny_bundle: Bundle) -> None:
    store = WeightStore(tiny_bundle.model, 2, 1)
    assert store.slots == 1
    store = _with_slots(tiny_bundle, 2)
    for rows in ([0, 1], [0], [2], [0], [1], [3, 2]):
        ask(store, rows)
    assert store.generated == 2 + 0 + 1 + 0 + 1 + 2
    with pytest.raises(ValueError, match="at most 2"):
        ask(store, [0, 1, 2])


def _with_slots(bundle: Bundle, slots: int) -> WeightStore:
    one = WeightStore(bundle.model, 2, 1)
    row = sum(tensor[0].numel() * 4 for tensor in [one._scenario, *one._weights.tensors()])
    return WeightStore(bundle.model, 2, slots * row)


@torch.inference_mode()
def test_a_wide_model_keeps_weights_only_when_enough_of_them_fit() -> None:
    model = make(d_view=128, d_scenario=2, meta_layers=1, tower_layers=1).eval()
    small, large = WeightStore(model, 2, 2**24), WeightStore(model, 2, 2**27)
    assert [small.keeps, large.keeps] == [False, True]
    groups = Groups.build(np.arange(4), KNOWLEDGE)
    bins, dense, *_ = make_rows(4, seed=0)
    found = [
        model.forward_with(bins, dense, *store.weights_for(groups, np.arange(4))) for store in (small, large)
    ]
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)
    assert [small.generated, large.generated] == [0, 4]


@torch.inference_mode()
def test_without_generated_weights_only_knowledge_is_kept(tiny_bundle: Bundle) -> None:
    config = replace(tiny_bundle.model_config, network="mmoe")
    model = build_model(tiny_bundle.spec, config, tiny_bundle.encoder).eval()
    store = WeightStore(model, 2, 3 * config.d_scenario * 4)
    assert store.slots == 3
    for rows in ([0, 1, 2], [1, 2], [0, 3]):
        ask(store, rows)
    assert store.generated == 3 + 0 + 1
    with pytest.raises(ValueError, match="at most 3"):
        ask(store, [0, 1, 2, 3])
