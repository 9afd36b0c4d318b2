"""The share of the last days in the point estimate: what it is fitted to, and what it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from m2m import MemorySource, ModelConfig, Scorer, Trainer, TrainingConfig
from m2m.point_estimate import Values
from m2m.recent_days import RecentDays
from m2m.window_forecasts import every_window, window_forecast, windows_tried
from tests.m2m.world import SPEC, last_week_again, make_samples

SAMPLES = make_samples(400)
SCENARIO = SAMPLES.knowledge["scenario_id"]
WHOLE = (False, False, False)
WINDOWS = every_window(SAMPLES, SPEC)
LAST_WEEK = last_week_again(SAMPLES)


def noisy(values: Values, seed: int) -> Values:
    return values * np.random.default_rng(seed).lognormal(0, 0.5, values.shape)


def fitted(point: Values, labels: Values) -> RecentDays:
    return RecentDays((1e9,) * 3).fitted(point, WINDOWS, labels, SCENARIO, SPEC, WHOLE)


def test_whichever_is_right_is_believed() -> None:
    assert fitted(SAMPLES.labels, SAMPLES.labels).weight == 0
    week_is_right = fitted(noisy(SAMPLES.labels + 1.0, 3), LAST_WEEK)
    assert (week_is_right.weight, week_is_right.days) == (1.0, (7, 7, 7))
    # Two forecasts whose errors have nothing to do with each other: some of both is better than either.
    truth = noisy(LAST_WEEK, 4)
    assert 0.2 < fitted(noisy(truth, 5), truth).weight < 0.8


def test_without_labels_nothing_is_changed() -> None:
    nothing = np.zeros_like(SAMPLES.labels)
    assert fitted(nothing + 1, nothing) == RecentDays((1e9,) * 3)


def test_rows_busier_than_any_in_training_are_stretched_in_proportion() -> None:
    largest = np.median(LAST_WEEK, axis=0)
    largest[2] = 0.0  # nothing was seen of this task: nothing to be in proportion to
    point = np.full_like(LAST_WEEK, 10.0)
    found = RecentDays(tuple(largest), power=1.0).apply(point, SAMPLES, SPEC, WHOLE)
    assert found[:, :2] == pytest.approx(10 * np.maximum(1, LAST_WEEK[:, :2] / largest[:2]))
    assert (found[:, 2] == 7).all() and (found[:, 0] > 10).any() and (found[:, 0] == 10).any()
    half = RecentDays(tuple(largest)).apply(point, SAMPLES, SPEC, WHOLE)
    assert half[:, :2] == pytest.approx(np.sqrt(10 * found[:, :2]))


def test_how_far_to_stretch_is_learned() -> None:
    largest = np.median(LAST_WEEK, axis=0)
    capped = np.minimum(LAST_WEEK, largest)
    for power, labels in ((1.0, LAST_WEEK), (0.0, capped), (0.5, np.sqrt(capped * LAST_WEEK))):
        wrong = np.zeros_like(WINDOWS)
        wrong[:, windows_tried(SPEC).index(7)] = LAST_WEEK
        rule = RecentDays(tuple(largest)).fitted(capped, wrong, labels, SCENARIO, SPEC, WHOLE)
        assert rule.power == power
    inside = RecentDays(tuple(2 * LAST_WEEK.max(axis=0)))
    assert inside.fitted(capped, WINDOWS, capped, SCENARIO, SPEC, WHOLE).power == 0.5


def test_a_bundle_knows_the_busiest_week_of_its_training_rows() -> None:
    training = TrainingConfig(epochs=1, progress=False)
    source = MemorySource(SAMPLES, 64)
    bundle = Trainer(SPEC, ModelConfig.named("tiny"), training).fit(source, make_samples(50, seed=2))
    assert bundle.recalibration.recent.largest == pytest.approx(LAST_WEEK.max(axis=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": 1.5}, "weight is 1.5"),
        ({"power": -0.5}, "power is -0.5"),
        ({"weight": 0.5, "largest": (1.0,)}, r"days is \(\), expected a window for each of \(1.0,\)"),
        ({"days": (7, 0)}, r"days is \(7, 0\)"),
        ({"largest": (float("nan"),)}, "largest is"),
    ],
)
def test_numbers_out_of_range_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RecentDays(**change)


def test_the_models_zeros_stay_until_the_window_speaks_alone() -> None:
    point, unreached, days = np.zeros_like(LAST_WEEK), (1e9,) * 3, (7, 7, 7)
    point[::2] = 4.0
    half = RecentDays(unreached, days=days, weight=0.5).apply(point, SAMPLES, SPEC, (True, False, False))
    assert (half[1::2] == 0).all()
    assert half[::2, 1] == pytest.approx((4 + LAST_WEEK[::2, 1]) / 2)
    assert (half[::2, 0] == np.rint((4 + LAST_WEEK[::2, 0]) / 2)).all()
    alone = RecentDays(unreached, days=days, weight=1.0).apply(point, SAMPLES, SPEC, WHOLE)
    assert alone == pytest.approx(LAST_WEEK)


def test_bounded_tasks_stay_within_their_bounds() -> None:
    bounded = replace(SPEC, bounded_tasks={"impressions": 5.0, "active_days": 7.0})
    assert LAST_WEEK[:, 0].max() > 5
    for weight in (0.0, 0.5, 1.0):
        rule = RecentDays((1.0, 1.0, 1.0), 1.0, (7, 7, 7), weight)
        found = rule.apply(np.full_like(LAST_WEEK, 3.0), SAMPLES, bounded, WHOLE)
        assert found[:, 0].max() == 5 and found[:, 2].max() <= 7 and found[:, 1].max() > 7


def test_corrections_below_zero_make_no_estimate_below_zero() -> None:
    corrected = make_samples(20)
    corrected.sequences[:, 3] = -5.0
    point = np.full((20, 3), 2.0)
    for weight in (0.0, 0.5, 1.0):
        found = RecentDays((9.0,) * 3, days=(7, 7, 7), weight=weight).apply(point, corrected, SPEC, WHOLE)
        assert (found >= 0).all() and (found[:, 1] == (2 if weight == 0 else 0)).all()


def test_a_rule_of_other_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match="largest has 1 numbers, expected one for each of"):
        RecentDays((1.0,)).apply(LAST_WEEK, SAMPLES, SPEC, WHOLE)


def test_a_head_that_knows_the_mean_alone_keeps_it() -> None:
    training = TrainingConfig(epochs=1, learning_rate=1e-6, progress=False)
    bundle = Trainer(SPEC, ModelConfig.named("tiny", head="poisson"), training).fit(
        SAMPLES, make_samples(50, seed=2)
    )
    found = Scorer(bundle).predict(SAMPLES, with_point=True)
    assert bundle.recalibration.recent == RecentDays()
    np.testing.assert_array_equal(found.point, found.mean)


def test_an_untrained_model_on_few_rows_says_what_the_last_days_say() -> None:
    """With next to no training, repeating a window is better: the bundle finds out and does that."""
    few, valid, test = make_samples(20, seed=1), make_samples(200, seed=2), make_samples(200, seed=3)
    training = TrainingConfig(epochs=1, learning_rate=1e-6, progress=False)
    bundle = Trainer(SPEC, ModelConfig.named("tiny"), training).fit(few, valid)
    known = bundle.recalibration.recent
    assert known.weight == 1 and len(known.days) == 3
    expected = window_forecast(test, SPEC, known.days)
    expected[:, [0, 2]] = np.rint(expected[:, [0, 2]])
    scorer = Scorer(bundle)
    np.testing.assert_allclose(scorer.predict(test, with_point=True).point, expected)
    assert not np.allclose(scorer.predict(test).point, expected), "the median is the model's own"


def test_a_spec_that_does_not_tell_the_past_trains_without_it() -> None:
    silent = replace(SPEC, task_columns={}, counted_tasks=())
    training = TrainingConfig(epochs=1, learning_rate=1e-6, progress=False)
    bundle = Trainer(silent, ModelConfig.named("tiny"), training).fit(
        make_samples(20), make_samples(50, seed=2)
    )
    assert bundle.recalibration.recent == RecentDays()
    test = make_samples(50, seed=3)
    point, median = (Scorer(bundle).predict(test, with_point=wanted).point for wanted in (True, False))
    # A network that has learned nothing is cheapest at its median or at zero.
    assert ((point == median) | (point == 0)).all()
