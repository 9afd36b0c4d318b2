from __future__ import annotations

import numpy as np
import pytest
import torch

from m2m import M2M, ModelConfig
from m2m.groups import Groups
from tests.m2m import reference
from tests.m2m.world import SPEC

BINS, SIZES, DENSE = (5, 6, 7, 8), (4, 5), 9


def make(**changes: object) -> M2M:
    torch.manual_seed(1)
    return M2M(
        SPEC,
        ModelConfig.named("tiny", **{"meta_layers": 2, "tower_layers": 2, **changes}),
        BINS,
        SIZES,
        DENSE,
    )


def make_rows(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray, Groups]:
    generator = np.random.default_rng(seed)
    bins = np.stack([generator.integers(n, size=(rows, SPEC.history_days)) for n in BINS], axis=2)
    # A skewed choice gives groups from one row to nearly all rows.
    pick = generator.zipf(1.7, size=(rows, 2)) - 1
    knowledge = np.minimum(pick, np.array(SIZES) - 1).astype(np.int64)
    groups = Groups.build(knowledge[:, 0] * 10 + knowledge[:, 1], knowledge)
    dense = torch.from_numpy(generator.normal(size=(rows, DENSE)).astype(np.float32))
    return torch.from_numpy(bins.astype(np.uint8)), dense, knowledge, groups


SETTINGS = [
    {},
    {"knowledge_input": True},
    {"without_meta_tower": True},
    {"without_meta_attention": True},
    {"without_transformer": True},
    {"without_meta_tower": True, "without_meta_attention": True},
]


@pytest.mark.parametrize("changes", SETTINGS, ids=lambda changes: "+".join(changes) or "full")
@pytest.mark.parametrize("rows", [1, 23])
def test_grouped_equals_row_by_row_forward_and_gradients(changes: dict[str, bool], rows: int) -> None:
    model = make(**changes)
    bins, dense, knowledge, groups = make_rows(rows, seed=rows)
    target = torch.randn(rows, len(SPEC.tasks), 1)
    grouped = model(bins, dense, groups)
    plain = reference.forward(model, bins, dense, torch.from_numpy(knowledge))
    torch.testing.assert_close(grouped, plain, rtol=1e-5, atol=1e-6)
    gradients = []
    for output in (grouped, plain):
        model.zero_grad()
        (output * target).sum().backward()
        gradients.append([w.grad.clone() for w in model.parameters() if w.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_no_part_is_left_out_of_the_prediction() -> None:
    model = make()
    bins, dense, _, groups = make_rows(30, seed=4)
    model(bins, dense, groups).square().sum().backward()
    idle = [name for name, w in model.named_parameters() if w.grad is None or not w.grad.any()]
    assert idle == []


def test_ablations_generate_nothing() -> None:
    model = make(without_meta_tower=True, without_meta_attention=True)
    assert not [name for name, _ in model.named_parameters() if "weight_map" in name]
    assert model.knowledge_input
    assert [name for name, _ in make().named_parameters() if "tower" in name and "weight_map" in name]


def test_meta_parameters_are_those_of_the_meta_units() -> None:
    model = make()
    ids = {id(weight) for weight in model.meta_parameters()}
    named = {name for name, weight in model.named_parameters() if id(weight) in ids}
    assert named == {
        name for name, _ in model.named_parameters() if name.startswith(("attention.unit.", "tower."))
    }


def test_paper_setting_runs() -> None:
    with torch.device("meta"):
        model = M2M(SPEC, ModelConfig.named("paper"), BINS, SIZES, DENSE)
    assert model.attention.unit.layers[2].weight_map.shape == (64, 3 * 512 * 512)
