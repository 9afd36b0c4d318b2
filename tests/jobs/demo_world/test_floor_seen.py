"""The floor of a forecast that sees only what is recorded (`tests.benchmarks.demo_floor_seen`)."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from jobs.demo_world import dynamics, observed
from jobs.demo_world.hashing import poisson
from jobs.demo_world.world import World
from tests.benchmarks.demo_floor import AS_OF, OLD_DAYS, demo_floor, ends_of, totals
from tests.benchmarks.demo_floor_seen import follow, record, seen_floor, way_through, weighted_median

WORLD = World(400)
OLD_AND_NEW = [AS_OF - timedelta(days=OLD_DAYS), AS_OF]


def test_the_way_of_the_worlds_own_seed_is_the_worlds() -> None:
    (old, _), (state, _) = ends_of(WORLD, OLD_AND_NEW)
    (found, _), likelihood = way_through(old, record(old), WORLD.seed)
    np.testing.assert_array_equal(found.drift, state[0].drift)
    np.testing.assert_array_equal(found._response, state[0]._response)
    np.testing.assert_array_equal(totals((found, _)), totals(state))
    assert likelihood.min() > -200  # nothing impossible was recorded
    assert dynamics.poisson is poisson and observed.poisson is poisson


def test_what_was_recorded_tells_who_means_to_advertise() -> None:
    (old, _), (state, eligible) = ends_of(WORLD, OLD_AND_NEW)
    weights, _, plans = follow(old, 64)
    believed = ((weights * plans).sum(axis=0) / weights.sum(axis=0))[eligible]
    unweighted, truth = plans.mean(axis=0)[eligible], state[0].plan_on[eligible]
    assert np.mean((believed - truth) ** 2) < 0.9 * np.mean((unweighted - truth) ** 2)
    assert abs(believed.mean() - truth.mean()) < 0.05


def test_weighted_median_is_the_median_of_repeated_values() -> None:
    values = np.array([[[5.0]], [[1.0]], [[3.0]]], dtype=np.float32)
    assert weighted_median(values, np.array([[1.0], [1.0], [1.0]])) == 3.0
    assert weighted_median(values, np.array([[4.0], [1.0], [1.0]])) == 5.0
    assert weighted_median(values, np.array([[1.0], [4.0], [1.0]])) == 1.0


def test_it_lies_above_the_floor_and_falls_with_more_ways() -> None:
    found = seen_floor(WORLD, AS_OF, np.arange(400), 128)
    assert demo_floor(WORLD, [AS_OF], 128)["median_of_128"] < found["128_ways"] < found["64_ways"]
