"""Each compared network against its equations written out row by row, and through training, bundle and scorer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from m2m import Bundle, ModelConfig, Scorer, Trainer, TrainingConfig, rows_of_a_pass
from m2m.compared.baseline import Baseline, share_units
from m2m.compared.cgc import CGC
from m2m.compared.cross_stitch import CrossStitch
from m2m.compared.mmoe import MMoE
from m2m.compared.mran import MRAN, Relation
from m2m.compared.shared_bottom import SharedBottom
from m2m.compared.single_task import SingleTask
from m2m.config import NETWORK_NAMES
from m2m.encoder import Encoder
from m2m.experts import Experts
from m2m.explain import Explainer
from m2m.groups import Groups
from m2m.network import Network
from m2m.networks import NETWORKS
from tests.m2m.world import SPEC, make_samples

BASELINES = [name for name in NETWORK_NAMES if name != "m2m"]
CONFIG = ModelConfig.named("tiny", experts=4, tower_layers=2)
TASKS = len(SPEC.tasks)
SAMPLES = make_samples(60)
ENCODER = Encoder.fit(SAMPLES, SPEC, CONFIG.value_bins)


def build(name: str) -> Baseline:
    torch.manual_seed(3)
    sizes = (ENCODER.discretiser.bins, ENCODER.vocabulary.sizes, ENCODER.dense_width)
    network = NETWORKS[name](SPEC, replace(CONFIG, network=name), *sizes)
    assert isinstance(network, Baseline)
    # Away from the start, where gates and stitches say little.
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.2 * torch.randn_like(weight)
    return network.eval()


def forward(network: Network, rows: slice = slice(None)) -> Tensor:
    encoded = ENCODER.encode(SAMPLES)
    groups = Groups.build(encoded.code[rows], encoded.knowledge[rows])
    bins, dense = torch.from_numpy(encoded.bins[rows]), torch.from_numpy(encoded.dense[rows])
    found: Tensor = network(bins, dense, groups)
    return found


def expert(experts: Experts, row: Tensor, number: int) -> Tensor:
    start = number * experts.d_hidden
    units = slice(start, start + experts.d_hidden)
    hidden = leaky_relu(experts.hidden.weight[units] @ row + experts.hidden.bias[units])
    return hidden @ experts.weight[number] + experts.bias[number, 0]


def gate(network: MMoE | CGC, row: Tensor, task: int, size: int) -> Tensor:
    rows = slice(task * size, (task + 1) * size)
    return torch.softmax(network.gates.weight[rows] @ row + network.gates.bias[rows], dim=0)


def attend(relation: Relation, asking: Tensor, asked: list[Tensor]) -> Tensor:
    query = relation.query.weight @ asking
    scores = torch.stack([query @ (relation.key.weight @ other) for other in asked]) / len(asking) ** 0.5
    values = [relation.value.weight @ other + relation.value.bias for other in asked]
    return asking + sum(share * value for share, value in zip(torch.softmax(scores, 0), values, strict=True))


def shared_bottom(network: SharedBottom, row: Tensor, task: int) -> Tensor:
    return expert(network.bottom, row, 0)


def own_expert(network: SingleTask, row: Tensor, task: int) -> Tensor:
    return expert(network.experts, row, task)


def mmoe(network: MMoE, row: Tensor, task: int) -> Tensor:
    share = gate(network, row, task, 4)
    return sum(share[i] * expert(network.experts, row, i) for i in range(4))


def cgc(network: CGC, row: Tensor, task: int) -> Tensor:
    share = gate(network, row, task, 3)
    mine = share[2] * expert(network.experts, row, 2 + task)
    return mine + sum(share[i] * expert(network.experts, row, i) for i in range(2))


def mran(network: MRAN, row: Tensor, task: int) -> Tensor:
    features = [expert(network.experts, row, i) for i in range(4)]
    features = [attend(network.among_features, view, features) for view in features]
    tasks = list(network.task_views())
    return attend(network.to_features, attend(network.among_tasks, tasks[task], tasks), features)


REFERENCES: dict[str, Callable[..., Tensor]] = {
    "shared_bottom": shared_bottom,
    "single_task": own_expert,
    "cross_stitch": own_expert,
    "mmoe": mmoe,
    "cgc": cgc,
    "mran": mran,
}


@pytest.mark.parametrize("name", BASELINES)
def test_views_are_the_equations_row_by_row(name: str) -> None:
    network = build(name)
    features = torch.randn(7, network.width)
    found = network.views(features)
    assert found.shape == (7, TASKS, CONFIG.d_view)
    for row, task in np.ndindex(7, TASKS):
        expected = REFERENCES[name](network, features[row], task)
        torch.testing.assert_close(found[row, task], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BASELINES)
def test_towers_are_residual_layers_of_the_task(name: str) -> None:
    network, views = build(name), torch.randn(5, TASKS, CONFIG.d_view)
    found = network.rise(views)
    for row in range(5):
        level = list(views[row])
        for number in range(CONFIG.tower_layers):
            if isinstance(network, CrossStitch):
                stitch = network.stitches[number]
                level = [
                    sum(stitch[task, other] * level[other] for other in range(TASKS)) for task in range(TASKS)
                ]
            weight, bias = network.towers.weight[number], network.towers.bias[number]
            level = [leaky_relu(level[t] @ weight[t] + bias[t, 0] + level[t]) for t in range(TASKS)]
        torch.testing.assert_close(found[row], torch.stack(level), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BASELINES)
def test_rows_do_not_touch_each_other_and_the_scenario_matters(name: str) -> None:
    network = build(name)
    alone, together = forward(network, slice(10, 11)), forward(network)
    assert together.shape == (60, TASKS, network.head.outputs)
    torch.testing.assert_close(alone[0], together[10], rtol=1e-4, atol=1e-5)
    encoded = ENCODER.encode(SAMPLES)
    bins, dense = torch.from_numpy(encoded.bins[:1]), torch.from_numpy(encoded.dense[:1])
    answers = [
        network(bins, dense, Groups.build(np.array([0]), np.array([[scenario, 1]]))) for scenario in (1, 2)
    ]
    assert not torch.allclose(*answers)


@pytest.mark.parametrize("name", BASELINES)
def test_every_weight_learns(name: str) -> None:
    network = build(name)
    forward(network).square().sum().backward()
    still = [
        key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()
    ]
    assert still == []


@pytest.mark.parametrize("name", BASELINES)
def test_trains_saves_and_scores_like_m2m(name: str, tmp_path: Path) -> None:
    train, valid = make_samples(800, seed=1), make_samples(200, seed=2)
    config = ModelConfig.named("tiny", network=name)
    training = TrainingConfig(epochs=3, batch_size=64, warmup_steps=5, learning_rate=0.01, progress=False)
    losses: list[float] = []
    bundle = Trainer(SPEC, config, training).fit(
        train, valid, lambda _, figures: losses.append(figures["train_loss"])
    )
    assert losses[-1] < 0.9 * losses[0]
    bundle.save(tmp_path)
    again = Bundle.load(tmp_path, expected_sha256=bundle.sha256)
    assert type(again.model) is NETWORKS[name]
    ours, theirs = (
        Scorer(bundle).predict(valid, with_point=True),
        Scorer(again).predict(valid, with_point=True),
    )
    for part, values in ours.parts().items():
        np.testing.assert_array_equal(values, theirs.parts()[part])


def untrained(name: str) -> Bundle:
    return Bundle(SPEC, replace(CONFIG, network=name), ENCODER, build(name), np.array([5.0, 9.0, 2.0]))


@pytest.mark.parametrize("name", BASELINES)
def test_order_and_size_of_passes_do_not_matter(name: str) -> None:
    bundle, order = untrained(name), np.random.default_rng(0).permutation(len(SAMPLES))
    whole = Scorer(bundle).predict(SAMPLES)
    # Room for two knowledge rows of twelve, so that they give way to each other.
    scorer = Scorer(bundle, max_rows=7, max_weight_bytes=2 * CONFIG.d_scenario * 4)
    shuffled = scorer.predict(SAMPLES.take(order))
    np.testing.assert_allclose(shuffled.mean, whole.mean[order], rtol=1e-4)
    assert scorer.store.slots == 2 and scorer.store.generated > 2


@pytest.mark.parametrize("name", BASELINES)
def test_explains_what_it_predicts(name: str) -> None:
    bundle, task = untrained(name), SPEC.tasks.index("impressions")
    found = {steps: Explainer(bundle, steps).explain(SAMPLES, "impressions") for steps in (16, 256)}
    expected = Scorer(bundle).predict(SAMPLES).mean[:, task]
    np.testing.assert_allclose(found[256].prediction, expected, rtol=1e-4)
    apart = np.abs(found[256].prediction - found[256].baseline).mean()
    coarse, fine = (np.abs(one.error).mean() / apart for one in found.values())
    assert fine < 0.02 and fine < 0.5 * coarse


@pytest.mark.parametrize("name", BASELINES)
def test_memory_bounds_the_rows_of_a_pass(name: str) -> None:
    assert [rows_of_a_pass(untrained(name), size) for size in (2**20, 2**40)] == [64, 4096]


def test_every_name_has_a_network_and_only_m2m_has_meta_modules() -> None:
    assert tuple(NETWORKS) == NETWORK_NAMES
    with pytest.raises(ValueError, match="network 'transformer' is unknown"):
        ModelConfig.named("tiny", network="transformer")
    with pytest.raises(ValueError, match="'mmoe' has no meta module"):
        ModelConfig.named("tiny", network="mmoe", without_meta_tower=True)
    assert ModelConfig.named("tiny", network="mmoe", without_transformer=True).network == "mmoe"


def test_hidden_units_are_shared_out() -> None:
    assert [share_units(48, experts) for experts in (1, 5, 7, 100)] == [48, 10, 7, 1]
    sizes = {name: sum(weight.numel() for weight in build(name).parameters()) for name in BASELINES}
    assert max(sizes.values()) < 1.5 * min(sizes.values())
