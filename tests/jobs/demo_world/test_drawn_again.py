"""Futures of the demo world drawn again (`tests.benchmarks.demo_floor`)."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from jobs.demo_world.dynamics import Dynamics
from jobs.demo_world.hashing import Ints
from jobs.demo_world.law import SCENARIOS
from jobs.demo_world.world import World
from tests.benchmarks.demo_floor import (
    AS_OF,
    FIRST_SEED,
    HISTORY_DAYS,
    HORIZON_DAYS,
    OLD_DAYS,
    STREAMS,
    TASKS,
    TEST_DAYS,
    Values,
    demo_floor,
    draw,
    ends_of,
    scenarios_of,
    totals,
)

WORLD = World(300)
EVERYTHING = [stream for streams in STREAMS.values() for stream in streams]


def of_the_world(entities: Ints, first: int, last: int) -> Values:
    """Label totals [pairs, tasks] from the rows that the world hands out, days counted from AS_OF."""
    rows = WORLD.simulate(np.arange(300), AS_OF + timedelta(days=first), AS_OF + timedelta(days=last))
    place = np.searchsorted(entities, rows["advertiser"] * len(SCENARIOS) + rows["scenario"])
    found = np.zeros((entities.size, len(TASKS)))
    for column, task in enumerate(TASKS[:-1]):
        np.add.at(found[:, column], place, rows[task])
    np.add.at(found[:, -1], place, rows["expenditure"] > 0)
    return found


def test_with_the_worlds_own_seed_the_future_is_the_worlds() -> None:
    ((state, eligible),) = ends_of(WORLD, [AS_OF])
    expected = of_the_world(state[0].pairs.entity, 1, HORIZON_DAYS)
    np.testing.assert_array_equal(totals(state), expected)
    np.testing.assert_array_equal(totals(state, WORLD.seed), expected)
    np.testing.assert_array_equal(totals(state, FIRST_SEED, told=EVERYTHING), expected)
    history = of_the_world(state[0].pairs.entity, 1 - HISTORY_DAYS, 0)
    np.testing.assert_array_equal(eligible, (history[:, 0] > 0) | (history[:, 2] > 0))


def test_an_older_state_leads_to_the_same_days() -> None:
    (old, _), (state, _) = ends_of(WORLD, [AS_OF - timedelta(days=OLD_DAYS), AS_OF])
    np.testing.assert_array_equal(totals(old, skip=OLD_DAYS), totals(state))


def test_every_day_of_a_walk_is_as_if_walked_to_alone() -> None:
    days = [AS_OF - timedelta(days=30), *TEST_DAYS]
    for ds, (state, eligible) in zip(days, ends_of(WORLD, days), strict=True):
        ((alone, its_eligible),) = ends_of(WORLD, [ds])
        np.testing.assert_array_equal(totals(state), totals(alone))
        np.testing.assert_array_equal(eligible, its_eligible)


def test_streams_name_all_that_is_drawn_daily(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: set[str] = set()
    keys_of = Dynamics._keys
    monkeypatch.setattr(Dynamics, "_keys", lambda self, *of: (drawn.add(of[0]), keys_of(self, *of))[1])
    next(WORLD.simulate_days(np.arange(3), AS_OF, AS_OF))
    assert sorted(EVERYTHING) == sorted(drawn)


def test_futures_repeat_with_their_seed_and_each_kind_of_draw_moves_them() -> None:
    ((state, _),) = ends_of(WORLD, [AS_OF])
    np.testing.assert_array_equal(totals(state, FIRST_SEED), totals(state, FIRST_SEED))
    for name, streams in STREAMS.items():
        others = set(EVERYTHING) - set(streams)
        assert (totals(state, FIRST_SEED, told=others) != totals(state)).any(), name


def test_the_real_future_is_one_like_the_drawn() -> None:
    world = World(2000)
    ((state, eligible),) = ends_of(world, [AS_OF])
    names = scenarios_of(state, eligible)
    drawn, actual = draw(state, eligible, range(32)), totals(state)[eligible]
    for scenario in np.unique(names):
        sums = drawn[:, names == scenario].sum(axis=1)
        off = (actual[names == scenario].sum(axis=0) - sums.mean(axis=0)) / sums.std(axis=0, ddof=1)
        assert np.abs(off).max() < 3.5, scenario


def test_more_futures_are_a_better_forecast() -> None:
    found = demo_floor(WORLD, [AS_OF], 16)
    assert found["median_of_16"] < found["median_of_4"] < 0.6
    assert found["median_of_16"] < found["mean_of_16"]
    assert np.mean([found[task] for task in TASKS]) == pytest.approx(found["median_of_16"])
