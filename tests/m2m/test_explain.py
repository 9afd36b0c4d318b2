from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from m2m import Bundle, FeatureSpec, ModelConfig, Samples, Scorer, Trainer, TrainingConfig
from m2m.dense import window_sums
from m2m.explain import RECENCY, Explainer, Explanation, Reason
from m2m.heads import HEADS, make_head
from tests.m2m.world import SPEC, make_samples

PLANTED = FeatureSpec(
    behaviours=("login_count", "bid_edit_count"),
    performance=("impressions", "expenditure"),
    knowledge=("scenario_id",),
    tasks=("impressions", "active_days"),
    history_days=28,
    horizon_days=7,
    windows_days=(7, 14, 28),
    bounded_tasks={"active_days": 7.0},
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    config = TrainingConfig(epochs=3, batch_size=64, learning_rate=5e-3, progress=False)
    model = ModelConfig.named("tiny", head="poisson")
    return Trainer(SPEC, model, config).fit(make_samples(1500), make_samples(300, seed=1))


@pytest.fixture(scope="module")
def explained(bundle: Bundle) -> Explanation:
    return Explainer(bundle).explain(make_samples(40, seed=5))


def numbers(explanation: Explanation) -> dict[str, np.ndarray]:
    return {name: value for name, value in vars(explanation).items() if isinstance(value, np.ndarray)}


def test_attributions_sum_to_the_difference_and_more_steps_bring_them_closer(bundle: Bundle) -> None:
    samples = make_samples(60, seed=5)
    found = {steps: Explainer(bundle, steps=steps).explain(samples) for steps in (8, 32, 128, 512)}
    apart = np.abs(found[128].prediction - found[128].baseline)
    assert apart.mean() > 0.3
    errors = [float(np.abs(one.error).mean() / apart.mean()) for one in found.values()]
    assert all(later < 0.6 * sooner for sooner, later in itertools.pairwise(errors))
    assert errors[2] < 0.02 and errors[3] < 0.005
    assert np.abs(found[512].error).max() < 0.03


def test_parts_and_weeks_tell_the_same_sum(explained: Explanation) -> None:
    total = explained.by_feature_week().sum(axis=(1, 2)) + explained.recency + explained.error
    np.testing.assert_allclose(total, explained.prediction - explained.baseline, atol=1e-12)
    windows = explained.pair_windows.sum(axis=1) + explained.advertiser_windows.sum(axis=1)
    np.testing.assert_allclose(explained.windows_by_week.sum(axis=2), windows, atol=1e-12)
    assert explained.sequences.shape == (40, 4, 2) and explained.pair_windows.shape == (40, 4, 4)
    # Every part has something to say on these rows.
    assert all(np.abs(value).max() > 1e-3 for value in numbers(explained).values())


@pytest.mark.parametrize("task", ["impressions", "active_days"])
def test_prediction_is_what_the_scorer_predicts(bundle: Bundle, task: str) -> None:
    samples = make_samples(40, seed=6)
    found = Explainer(bundle, steps=8).explain(samples, task).prediction
    expected = Scorer(bundle).predict(samples).mean[:, SPEC.tasks.index(task)]
    np.testing.assert_allclose(np.minimum(found, SPEC.bounded_tasks.get(task, np.inf)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(HEADS))
def test_what_is_explained_is_the_mean_of_every_head(name: str) -> None:
    head, scales = make_head(name), np.array([1e6, 2.0, 0.1])
    raw = torch.randn(20, 3, head.outputs)
    found = torch.exp(head.log_rate(raw)).numpy() * scales
    expected = head.forecast(raw.numpy(), scales, replace(SPEC, bounded_tasks={})).mean
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("max_rows", [32, 96, 10_000])
def test_order_and_batch_size_do_not_matter(bundle: Bundle, max_rows: int) -> None:
    samples = make_samples(50, seed=7)
    expected = numbers(Explainer(bundle, steps=32).explain(samples))
    order = np.random.default_rng(0).permutation(50)
    found = numbers(Explainer(bundle, steps=32, max_rows=max_rows).explain(samples.take(order)))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value[order], rtol=1e-4, atol=2e-6, err_msg=name)


def test_a_pass_holds_no_more_rows_times_steps_than_allowed(bundle: Bundle) -> None:
    sizes: list[int] = []
    handle = bundle.model.experts.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    try:
        Explainer(bundle, steps=32, max_rows=100).explain(make_samples(50, seed=7))
    finally:
        handle.remove()
    # Three rows with all their steps, and the rest.
    assert max(sizes) == 96
    assert sum(size for size in sizes if size >= 32) == 50 * 32


def test_explaining_leaves_no_gradients_on_the_weights(bundle: Bundle) -> None:
    before = bundle.sha256
    bundle.model.zero_grad()  # training left some
    Explainer(bundle, steps=8).explain(make_samples(5))
    assert all(weight.grad is None for weight in bundle.model.parameters())
    assert replace(bundle).sha256 == before


def test_twice_the_same(bundle: Bundle) -> None:
    once, again = (numbers(Explainer(bundle, steps=16).explain(make_samples(40, seed=5))) for _ in range(2))
    for name, value in once.items():
        np.testing.assert_array_equal(again[name], value)


def test_a_dormant_row_has_nothing_to_explain(bundle: Bundle) -> None:
    rows = make_samples(6)
    nothing = replace(
        rows, sequences=np.zeros((6, 4, 14)), advertiser_window_sums=np.zeros((6, 16)), labels=None
    )
    found = Explainer(bundle).explain(nothing)
    np.testing.assert_array_equal(found.prediction, found.baseline)
    for name in ("sequences", "pair_windows", "advertiser_windows", "recency", "windows_by_week"):
        assert not numbers(found)[name].any()
    # The baseline keeps the row's weekday and scenario knowledge.
    other = Explainer(bundle, steps=8).explain(replace(nothing, weekday=(rows.weekday + 3) % 7))
    assert (other.baseline != found.baseline).all()
    assert len(np.unique(found.baseline)) > 1


def plant(rows: int, seed: int, column: int, week: int) -> tuple[Samples, np.ndarray]:
    """Every column is busy in some weeks and idle in the others, by a coin for each; active days follow one column in
    one week and nothing else. Returns the samples and which rows are busy there."""
    generator = np.random.default_rng(seed)
    busy = generator.random((2, rows, 4, PLANTED.history_days // 7)) < 0.5
    daily, elsewhere = (generator.poisson(1.5 * np.repeat(busy, 7, axis=3))).astype(np.float32)
    there = busy[0, :, column, -1 - week]
    active = generator.binomial(7, np.where(there, 0.9, 0.1))
    samples = Samples(
        sequences=daily,
        advertiser_window_sums=window_sums(elsewhere, PLANTED.windows_days),
        weekday=generator.integers(7, size=rows),
        knowledge={"scenario_id": np.char.add("s", generator.integers(2, size=rows).astype(str))},
        labels=np.column_stack([generator.poisson(5, rows), active]).astype(np.float64),
    )
    return samples, there


@pytest.mark.parametrize(("column", "week"), [(1, 2), (2, 0)])
def test_the_planted_cause_comes_first(column: int, week: int) -> None:
    (train, _), (valid, _), (test, there) = (
        plant(rows, seed, column, week) for seed, rows in enumerate((4000, 400, 150))
    )
    config = TrainingConfig(epochs=6, batch_size=64, learning_rate=1e-2, patience=6, progress=False)
    bundle = Trainer(PLANTED, ModelConfig.named("tiny", head="poisson"), config).fit(train, valid)
    found = Explainer(bundle, steps=64).explain(test)
    cause = (PLANTED.sequence_columns[column], week)
    first = [found.top(row, 1)[0] for row in np.flatnonzero(there)]
    assert np.mean([(reason.feature, reason.week) == cause for reason in first]) > 0.95
    assert all(reason.effect > 1 for reason in first)
    # Where the cause is absent, its column and week explain next to nothing.
    effects = found.by_feature_week()[:, column, week]
    assert np.abs(effects[~there]).mean() < 0.1 * effects[there].mean()
    assert effects[there].mean() > 0.5 * (found.prediction - found.baseline)[there].mean()


def by_hand() -> Explanation:
    zero = np.zeros((1, 4, 4))
    sequences = np.array([[[0.5, -1.5], [0.0, 0.25], [1.0, 0.0], [0.0, 0.0]]])
    windows = np.array([[[0.25, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 3.0]]])
    return Explanation(
        SPEC, "active_days", np.array([5.0]), np.array([1.0]), sequences, zero, zero, np.array([-2.0]), windows
    )  # fmt: skip


def test_top_by_hand() -> None:
    assert by_hand().top(0, 4) == [
        Reason("expenditure", 1, 3.0),
        Reason(RECENCY, None, -2.0),
        Reason("login_count", 1, -1.5),
        Reason("impressions", 0, 1.0),
    ]
    assert [reason.effect for reason in by_hand().top(0, 99)][4:6] == [0.75, 0.25]
    assert len(by_hand().top(0, 99)) == 9
    assert by_hand().top(0, 0) == []


def test_no_rows_give_an_empty_explanation(bundle: Bundle) -> None:
    found = Explainer(bundle).explain(make_samples(3).take(np.empty(0, dtype=np.int64)))
    assert len(found) == 0 and found.by_feature_week().shape == (0, 4, 2)


def test_refuses_what_it_cannot_explain(bundle: Bundle, explained: Explanation) -> None:
    samples = make_samples(3)
    with pytest.raises(ValueError, match=r"task 'gmv' is unknown, expected one of .'impressions'"):
        Explainer(bundle).explain(samples, "gmv")
    with pytest.raises(ValueError, match="steps is 4, expected at least 8"):
        Explainer(bundle, steps=4)
    with pytest.raises(ValueError, match="max_rows is 100, expected at least 128"):
        Explainer(bundle, max_rows=100)
    with pytest.raises(ValueError, match=r"lacks .'main_category'"):
        Explainer(bundle).explain(replace(samples, knowledge={"scenario_id": np.array(["s0"] * 3)}))
    with pytest.raises(ValueError, match="row is 40, expected 0 to 39"):
        explained.top(40)
