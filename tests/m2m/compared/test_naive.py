"""Naive forecasts against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from m2m import FeatureSpec, MemorySource, cell_metrics, overall
from m2m.compared.naive import NAIVE, WindowForecast
from tests.m2m.world import SPEC, last_week_again, make_samples

SAMPLES = make_samples(150)


def fit(name: str, valid: MemorySource | None = None, spec: FeatureSpec = SPEC) -> WindowForecast:
    train = MemorySource(make_samples(5))
    return NAIVE[name].fit(train, valid or MemorySource(SAMPLES, 64), spec)


def by_hand(days: int) -> np.ndarray:
    """Row by row and task by task: the total of the last `days` days times 7 / days."""
    found = np.zeros((len(SAMPLES), 3))
    for row in range(len(SAMPLES)):
        for day in range(SPEC.history_days - days, SPEC.history_days):
            impressions, spent = (float(SAMPLES.sequences[row, column, day]) for column in (2, 3))
            found[row] += [impressions, spent, float(spent > 0)]
    return found * 7 / days


def test_zero_and_persistence() -> None:
    assert (fit("zero").predict(SAMPLES).mean == np.zeros((150, 3))).all()
    forecast = fit("persistence").predict(SAMPLES)
    assert forecast.mean == pytest.approx(last_week_again(SAMPLES)) and forecast.median is None
    assert forecast.mean == pytest.approx(by_hand(7)) and forecast.mean.sum() > 0


def test_window_mean_takes_the_best_window_of_each_task_on_validation() -> None:
    model = fit("window_mean")
    scenario = SAMPLES.knowledge["scenario_id"]
    for task, name in enumerate(SPEC.tasks):
        errors = {
            days: overall(
                cell_metrics(SAMPLES.labels[:, [task]], by_hand(days)[:, [task]], scenario, [name])
            )["nmae"]
            for days in SPEC.windows_days
        }
        assert model.chosen[name] == min(errors, key=lambda days: errors[days])
        assert model.predict(SAMPLES).mean[:, task] == pytest.approx(by_hand(model.chosen[name])[:, task])


def labelled(labels: np.ndarray, windows: tuple[int, ...]) -> tuple[MemorySource, FeatureSpec]:
    """The samples with other labels, and a spec with other windows."""
    width = len(windows) * len(SPEC.sequence_columns)
    sums = np.zeros((len(SAMPLES), width))
    source = MemorySource(replace(SAMPLES, labels=labels, advertiser_window_sums=sums), 64)
    return source, replace(SPEC, windows_days=windows)


def test_windows_are_picked_task_by_task() -> None:
    labels = by_hand(14)
    labels[:, 1] = by_hand(3)[:, 1]
    chosen = fit("window_mean", *labelled(labels, (1, 3, 14))).chosen
    assert chosen == {"impressions": 14, "expenditure": 3, "active_days": 14}


def test_the_horizon_is_among_the_windows_so_that_it_can_equal_persistence() -> None:
    model = fit("window_mean", *labelled(last_week_again(SAMPLES), (1, 14)))
    assert set(model.chosen.values()) == {7}


def test_a_task_without_labels_takes_the_horizon() -> None:
    labels = by_hand(14)
    labels[:, 0] = 0.0
    chosen = fit("window_mean", *labelled(labels, (1, 14))).chosen
    assert chosen == {"impressions": 7, "expenditure": 14, "active_days": 14}


def test_a_window_beyond_the_history_is_the_history() -> None:
    assert set(fit("window_mean", *labelled(by_hand(14), (1, 90))).chosen.values()) == {14}
    beyond = WindowForecast(SPEC, dict.fromkeys(SPEC.tasks, 90))
    assert beyond.predict(SAMPLES).mean == pytest.approx(by_hand(14))


def test_missing_values_count_as_nothing() -> None:
    samples = make_samples(3)
    expected = fit("persistence").predict(samples).mean.copy()
    at = np.argwhere(samples.sequences[0, 3] == 0)
    samples.sequences[0, 3, at] = np.nan
    assert len(at) and fit("persistence").predict(samples).mean == pytest.approx(expected)


def test_a_task_of_unknown_past_is_refused() -> None:
    source = MemorySource(SAMPLES)
    unknown = replace(SPEC, task_columns={"impressions": "impressions"}, counted_tasks=())
    for name in ("persistence", "window_mean"):
        with pytest.raises(ValueError, match=r"task_columns lacks \['expenditure', 'active_days'\]"):
            NAIVE[name].fit(source, source, unknown)
    assert (NAIVE["zero"].fit(source, source, unknown).predict(SAMPLES).mean == 0).all()
