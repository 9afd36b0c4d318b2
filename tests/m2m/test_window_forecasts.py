"""Windows of the last days against sums by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from m2m import CellTotals
from m2m.window_forecasts import (
    best_windows,
    every_window,
    persistence,
    window_forecast,
    window_totals,
    windows_tried,
)
from tests.m2m.world import SPEC, last_week_again, make_samples

SAMPLES = make_samples(200)
SCENARIO = SAMPLES.knowledge["scenario_id"]
LAST_WEEK = last_week_again(SAMPLES)


def test_a_forecast_is_the_daily_mean_times_the_horizon() -> None:
    fortnight = np.column_stack([window_totals(SAMPLES, SPEC, task, 14) for task in SPEC.tasks])
    assert persistence(SAMPLES, SPEC) == pytest.approx(LAST_WEEK)
    found = window_forecast(SAMPLES, SPEC, (7, 14, 0))
    assert found[:, 0] == pytest.approx(LAST_WEEK[:, 0])
    assert found[:, 1] == pytest.approx(fortnight[:, 1] / 2)
    assert (found[:, 2] == 0).all()
    assert window_forecast(SAMPLES, SPEC, (90, 14, 14)) == pytest.approx(fortnight / 2)


def test_every_window_holds_each_of_those_tried() -> None:
    found = every_window(SAMPLES, SPEC)
    assert windows_tried(SPEC) == (1, 3, 7, 14) and found.shape == (200, 4, 3)
    assert found[:, 1] == pytest.approx(window_forecast(SAMPLES, SPEC, (3, 3, 3)))


def test_a_horizon_beyond_the_history_is_a_daily_mean_of_it() -> None:
    ahead = replace(SPEC, horizon_days=28, bounded_tasks={})
    assert windows_tried(ahead) == (1, 3, 7, 14)
    assert persistence(SAMPLES, ahead) == pytest.approx(4 * window_forecast(SAMPLES, SPEC, (14, 14, 14)))


def test_the_window_of_least_error_is_picked_task_by_task() -> None:
    every, luck = every_window(SAMPLES, SPEC), np.random.default_rng(1)
    labels = LAST_WEEK * luck.lognormal(0, 0.3, LAST_WEEK.shape)
    labels[:, 1] = every[:, 1, 1] * luck.lognormal(0, 0.3, 200)
    labels[:, 2] = 0.0
    totals = [CellTotals(SPEC.tasks) for _ in windows_tried(SPEC)]
    for place, total in enumerate(totals):
        total.add(labels, every[:, place], SCENARIO)
    assert best_windows(totals, SPEC) == (7, 3, 7), "a task without labels takes the horizon"


def test_values_that_are_not_finite_count_as_nothing() -> None:
    spoilt = make_samples(200)
    spoilt.sequences[:, 2, -1] = np.nan
    spoilt.sequences[:, 3, -1] = np.inf
    expected = make_samples(200)
    expected.sequences[:, 2:, -1] = 0
    assert persistence(spoilt, SPEC) == pytest.approx(persistence(expected, SPEC))
