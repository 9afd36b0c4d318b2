from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from m2m import Bundle, ModelConfig, Scorer, Trainer
from m2m.groups import Groups
from m2m.scorer import passes
from tests.m2m.conftest import QUICK
from tests.m2m.world import SPEC, make_samples


@pytest.fixture(scope="module")
def base_bundle() -> Bundle:
    return Trainer(SPEC, ModelConfig.named("base"), QUICK).fit(make_samples(300), make_samples(50, seed=1))


@pytest.mark.parametrize(
    ("max_rows", "max_weight_bytes"), [(1, 2**24), (7, 1), (64, 200_000), (10_000, 2**24)]
)
def test_batch_size_and_order_do_not_matter(
    base_bundle: Bundle, max_rows: int, max_weight_bytes: int
) -> None:
    samples = make_samples(150, seed=9)
    expected = Scorer(base_bundle).predict(samples).mean
    order = np.random.default_rng(0).permutation(len(samples))
    scorer = Scorer(base_bundle, max_rows=max_rows, max_weight_bytes=max_weight_bytes)
    found = scorer.predict(samples.take(order)).mean
    np.testing.assert_allclose(found, expected[order], rtol=1e-5)
    halves = [scorer.predict(samples.take(part)).mean for part in np.array_split(np.arange(150), 2)]
    np.testing.assert_allclose(np.concatenate(halves), expected, rtol=1e-5)


def test_equals_a_plain_forward_of_the_model(base_bundle: Bundle) -> None:
    samples = make_samples(40, seed=2)
    encoded = base_bundle.encoder.encode(samples)
    groups = Groups.build(encoded.code, encoded.knowledge)
    with torch.inference_mode():
        rates = base_bundle.model(torch.from_numpy(encoded.bins), torch.from_numpy(encoded.dense), groups)
    expected = np.exp(rates[..., 0].numpy().astype(np.float64)) * base_bundle.task_scales
    expected[:, 2] = np.minimum(expected[:, 2], 7.0)
    np.testing.assert_allclose(Scorer(base_bundle).predict(samples).mean, expected, rtol=1e-5)


def test_weights_are_kept_from_call_to_call(tiny_bundle: Bundle) -> None:
    samples, scorer = make_samples(100, seed=2), Scorer(tiny_bundle)
    for _ in range(3):
        scorer.predict(samples)
    assert scorer.store.generated == len(np.unique(tiny_bundle.encoder.encode(samples).code))


def test_unseen_knowledge_and_missing_values_are_scored(tiny_bundle: Bundle) -> None:
    samples = make_samples(10)
    knowledge = {name: np.full(10, "never seen") for name in samples.knowledge}
    sequences = np.full_like(samples.sequences, np.nan)
    found = (
        Scorer(tiny_bundle)
        .predict(replace(samples, knowledge=knowledge, sequences=sequences, labels=None))
        .mean
    )
    assert np.isfinite(found).all()
    assert (found >= 0).all()


def test_no_rows_give_no_predictions(tiny_bundle: Bundle) -> None:
    assert Scorer(tiny_bundle).predict(make_samples(3).take(np.empty(0, dtype=np.int64))).mean.shape == (0, 3)


def test_missing_knowledge_column_is_named(tiny_bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="main_category"):
        Scorer(tiny_bundle).predict(replace(make_samples(3), knowledge={"scenario_id": np.array(["s0"] * 3)}))


def test_passes_keep_both_limits() -> None:
    code = np.array([1, 1, 1, 2, 3, 3, 4])
    parts = [(part.start, part.stop) for part in passes(code, max_rows=4, max_groups=2)]
    assert parts == [(0, 4), (4, 7)]
    assert [part.stop for part in passes(code, max_rows=2, max_groups=9)] == [2, 4, 6, 7]


def test_max_rows_must_be_positive(tiny_bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="max_rows is 0"):
        Scorer(tiny_bundle, max_rows=0)
