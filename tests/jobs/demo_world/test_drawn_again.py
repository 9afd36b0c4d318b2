"""Futures of the demo world drawn again (`tests.benchmarks.demo_floor`)."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from jobs.demo_world.world import World
from tests.benchmarks.demo_floor import AS_OF, HORIZON_DAYS, TASKS, at_the_end_of, demo_floor, totals

WORLD = World(300)


def test_the_worlds_own_future_is_what_the_world_says() -> None:
    state, eligible = at_the_end_of(WORLD, AS_OF)
    found = totals(state, None)
    rows = WORLD.simulate(np.arange(300), AS_OF + timedelta(days=1), AS_OF + timedelta(days=HORIZON_DAYS))
    for column, task in enumerate(TASKS[:-1]):
        assert np.isclose(found[:, column].sum(), rows[task].sum())
    assert found[:, -1].sum() == (rows["expenditure"] > 0).sum()
    assert 0.3 * len(eligible) < eligible.sum() < len(eligible)


def test_futures_differ_around_the_same_level_and_repeat_with_their_seed() -> None:
    state, eligible = at_the_end_of(WORLD, AS_OF)
    actual = totals(state, None)[eligible]
    drawn = [totals(state, seed)[eligible] for seed in range(1, 9)]
    np.testing.assert_array_equal(drawn[0], totals(state, 1)[eligible])
    assert not (drawn[0] == drawn[1]).all()
    days = [future[:, -1].mean() for future in drawn]
    assert abs(np.mean(days) - actual[:, -1].mean()) < 0.3


def test_more_futures_are_a_better_forecast() -> None:
    found = demo_floor(300, 16)
    assert found["median_of_16"] < found["median_of_4"] < 0.6
