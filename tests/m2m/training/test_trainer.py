from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from m2m import (
    MemorySource,
    ModelConfig,
    Samples,
    Scorer,
    Trainer,
    TrainingConfig,
    TrainingError,
    cell_metrics,
    overall,
)
from m2m.training.run import TrainingRun
from tests.m2m.conftest import QUICK
from tests.m2m.world import SPEC, last_week_again, make_samples

TINY = ModelConfig.named("tiny")


def score(samples: Samples, predicted: np.ndarray) -> float:
    labels = samples.labels
    assert labels is not None
    return overall(cell_metrics(labels, predicted, samples.knowledge["scenario_id"], SPEC.tasks))["nmae"]


def test_trained_model_beats_repeating_the_last_week() -> None:
    train, valid, test = make_samples(4000, seed=0), make_samples(800, seed=1), make_samples(1500, seed=2)
    config = TrainingConfig(epochs=6, batch_size=128, learning_rate=5e-3, progress=False)
    bundle = Trainer(SPEC, ModelConfig.named("tiny", d_view=16), config).fit(train, valid)
    trained, persistence = score(test, Scorer(bundle).predict(test).mean), score(test, last_week_again(test))
    assert trained < 0.9 * persistence


def test_same_seed_same_bundle_other_seed_other_bundle() -> None:
    train, valid = make_samples(300), make_samples(80, seed=1)
    model = replace(TINY, dropout=0.2)
    shas = []
    for threads, seed in ((1, 3), (2, 3), (1, 4)):
        torch.manual_seed(len(shas))
        torch.set_num_threads(threads)
        shas.append(Trainer(SPEC, model, replace(QUICK, seed=seed)).fit(train, valid).sha256)
    assert shas[0] == shas[1] != shas[2]


def test_training_leaves_the_callers_random_state_and_threads_alone() -> None:
    torch.set_num_threads(2)
    before = torch.random.get_rng_state()
    Trainer(SPEC, TINY, QUICK).fit(make_samples(100), make_samples(50, seed=1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == 2


def test_keeps_the_best_epoch_and_stops_early() -> None:
    seen: list[tuple[int, dict[str, float]]] = []
    config = replace(QUICK, epochs=30, patience=2, learning_rate=0.05, average_decay=0.0)
    valid = make_samples(60, seed=1)
    bundle = Trainer(SPEC, TINY, config).fit(make_samples(200), valid, lambda e, m: seen.append((e, m)))
    curve = [metrics["valid_nmae"] for _, metrics in seen]
    best = int(np.argmin(curve)) + 1
    assert [epoch for epoch, _ in seen] == list(range(1, best + 3))
    assert (bundle.metrics["best_epoch"], bundle.metrics["epochs"]) == (best, best + 2)
    assert bundle.metrics["valid_nmae"] == min(curve)
    assert score(valid, Scorer(bundle).predict(valid).point) == pytest.approx(min(curve), rel=1e-5)
    assert set(seen[0][1]) == {"train_loss", "valid_nmae", "valid_smape", "learning_rate"}


def test_bundle_says_what_it_was_trained_on() -> None:
    train = make_samples(100)
    bundle = Trainer(SPEC, TINY, QUICK).fit(train, make_samples(50, seed=1))
    assert dict(bundle.training_days) == {"first": "2026-01-01", "last": "2026-01-09", "count": 9}
    assert train.labels is not None
    np.testing.assert_allclose(bundle.task_scales, train.labels.mean(axis=0))
    assert bundle.metrics["train_rows"] == 100
    given = Trainer(SPEC, TINY, QUICK).fit(train, train, training_days={"first": "2026-01-02"})
    assert dict(given.training_days) == {"first": "2026-01-02"}


def test_loss_that_is_not_finite_stops_with_step_and_task(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(QUICK, learning_rate=1e6, warmup_steps=0, epochs=5)
    with pytest.raises(TrainingError, match=r"loss of task \w+ is (nan|inf) at step \d+ \(epoch \d\)"):
        Trainer(SPEC, TINY, config).fit(make_samples(200), make_samples(50, seed=1))


def test_refuses_rows_it_cannot_train_on() -> None:
    rows = make_samples(20)
    with pytest.raises(ValueError, match="no labels"):
        Trainer(SPEC, TINY, QUICK).fit(replace(rows, labels=None), rows)
    with pytest.raises(TrainingError, match="no validation rows"):
        Trainer(SPEC, TINY, QUICK).fit(rows, rows.take(np.empty(0, dtype=np.int64)))
    with pytest.raises(ValueError, match="gmv"):
        Trainer(SPEC, TINY, replace(QUICK, task_weights={"gmv": 2.0})).fit(rows, rows)


def test_no_positive_label_still_gives_a_bundle() -> None:
    rows = make_samples(40)
    empty = replace(rows, labels=np.zeros((40, 3)))
    bundle = Trainer(SPEC, TINY, QUICK).fit(empty, empty)
    assert bundle.metrics["valid_nmae"] is None
    assert np.isfinite(Scorer(bundle).predict(rows).mean).all()


def test_without_a_positive_validation_label_the_newest_weights_are_kept() -> None:
    rows = make_samples(200)
    nothing = replace(make_samples(40, seed=1), labels=np.zeros((40, 3)))
    bundle = Trainer(SPEC, TINY, replace(QUICK, epochs=4, patience=1)).fit(rows, nothing)
    assert (bundle.metrics["epochs"], bundle.metrics["best_epoch"]) == (4, 4)


def test_validation_leaves_the_weights_that_are_trained_alone() -> None:
    run = TrainingRun(
        SPEC,
        TINY,
        replace(QUICK, average_decay=0.9),
        torch.device("cpu"),
        MemorySource(make_samples(100)),
        MemorySource(make_samples(50, seed=1)),
    )
    with torch.no_grad():
        run.model.head_bias.fill_(1.0)
    run.state.progress.rows = 1
    run._end_of_epoch()
    assert set(run.model.head_bias.flatten().tolist()) == {1.0}
    assert set(run.state.best_weights["head_bias"].flatten().tolist()) == {0.0}
