"""A nearer floor of the demo world: of a forecast that knows the law, every constant and the hidden state of 5 days
before the as-of day, but of the days since only what the platform records of them.

It still knows more than any model that reads 40 observed days, so no model beats it; and less than `demo_floor`, which
is told the plans that have not shown in performance yet. Ways through the 5 days are drawn from the law with the
recorded edits put in, weighted by the likelihood of all that was recorded but gmv (importance sampling; an advertiser's
pairs share its weights), and followed for 7 more days; the forecast is the weighted median. Few ways make it worse.

python -m tests.benchmarks demo_floor_seen
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import ModuleType

import numpy as np
import numpy.typing as npt

from jobs.demo_world import dynamics as hidden_law
from jobs.demo_world import observed as observed_law
from jobs.demo_world.dynamics import Dynamics
from jobs.demo_world.hashing import Floats, Ints
from jobs.demo_world.law import SCENARIOS
from jobs.demo_world.observed import Observer
from jobs.demo_world.population import build_pairs, constant
from jobs.demo_world.world import World
from m2m.metrics import cell_metrics, overall
from tests.benchmarks.demo_floor import (
    ADVERTISERS,
    AS_OF,
    FIRST_SEED,
    OLD_DAYS,
    TASKS,
    State,
    Values,
    by_scenario,
    draw_again,
    ends_of,
    scenarios_of,
    totals,
)
from tests.benchmarks.figures import Figure

WAYS, EVERY_NTH = 1536, 10
COMMAND = "python -m tests.benchmarks demo_floor_seen"
Day = dict[str, npt.NDArray[np.float64]]
_NEVER = -300.0
_CLICK_RATE_SD = 0.15


def measure() -> Iterator[Figure]:
    """On the middle test day, every advertiser of a small scenario and a tenth of the others."""
    world = World(ADVERTISERS)
    for name, nmae in seen_floor(world, AS_OF, some_advertisers(world), WAYS).items():
        yield Figure(f"demo_floor_seen_{name}", nmae, "NMAE", COMMAND)


def some_advertisers(world: World) -> Ints:
    """Every advertiser that is in a scenario other than the two large ones, and every tenth."""
    pairs = build_pairs(world.seed, np.arange(world.advertisers))
    small = [i for i, s in enumerate(SCENARIOS) if s.scenario_id not in ("sponsored_search", "news_feed")]
    few = pairs.advertiser[np.isin(pairs.scenario, small)]
    return np.unique(np.concatenate([few, np.arange(0, world.advertisers, EVERY_NTH)]))


def seen_floor(world: World, ds: date, ids: Ints, ways: int) -> dict[str, float]:
    """NMAE of the weighted median, overall and by scenario; overall with half of the ways, too."""
    (old, _), (state, eligible) = ends_of(world, [ds - timedelta(days=OLD_DAYS), ds], ids)
    actual, names = totals(state)[eligible], scenarios_of(state, eligible)
    weights, futures, _ = follow(old, ways)
    weights, futures = weights[:, eligible], futures[:, eligible]
    found = {}
    for count in (ways // 2, ways):
        cells = cell_metrics(actual, weighted_median(futures[:count], weights[:count]), names, TASKS)
        found[f"{count}_ways"] = overall(cells)["nmae"]
    return found | by_scenario(cells)


def follow(old: State, ways: int) -> tuple[Values, npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Weights [ways, pairs], label totals [ways, pairs, tasks], and whether a pair then means to advertise [ways,
    pairs]."""
    days = record(old)
    advertiser = old[0].pairs.advertiser
    likelihoods, futures, plans = [], [], []
    for number in range(ways):
        state, likelihood = way_through(old, days, FIRST_SEED + number)
        likelihoods.append(np.bincount(advertiser, likelihood))
        futures.append(totals(state).astype(np.float32))
        plans.append(state[0].plan_on)
    stacked = np.stack(likelihoods)
    weights = np.exp(stacked - stacked.max(axis=0))
    return weights[:, advertiser], np.stack(futures), np.stack(plans)


def record(old: State) -> list[Day]:
    """Every recorded column of the 5 days, one entry per pair, 0 where there is no row."""
    dynamics, observer = copy.deepcopy(old)
    days = []
    for _ in range(OLD_DAYS):
        dynamics.step()
        rows = observer.day()
        place = rows.pop("pair").astype(np.intp)
        day = {name: np.zeros(dynamics.pairs.entity.size) for name in rows}
        for name, values in rows.items():
            day[name][place] = values
        days.append(day)
    return days


def way_through(old: State, days: list[Day], seed: int) -> tuple[State, Floats]:
    """A state drawn for the end of the 5 days, and the log likelihood [pairs] of what was recorded, less constants."""
    dynamics, observer = copy.deepcopy(old)
    draw_again(dynamics, seed)
    likelihood = np.zeros(dynamics.pairs.entity.size)
    for day in days:
        with _counts_from(hidden_law, _recorded_edits(day, likelihood)):
            dynamics.step()
        with _counts_from(observed_law, lambda rate, _: rate):
            likelihood += _poisson(day["login_count"], observer._logins())
        likelihood += _performance(dynamics, observer, day)
    return (dynamics, observer), likelihood


def weighted_median(values: npt.NDArray[np.float32], weights: Values) -> Values:
    """Median [pairs, tasks] of `values` [ways, pairs, tasks] under `weights` [ways, pairs]."""
    found = np.empty(values.shape[1:])
    half = weights.sum(axis=0) / 2
    for task in range(values.shape[2]):
        order = np.argsort(values[:, :, task], axis=0)
        reached = np.take_along_axis(weights, order, axis=0).cumsum(axis=0) >= half * (1 - 1e-9)
        row = np.take_along_axis(order, reached.argmax(axis=0)[None], axis=0)
        found[:, task] = np.take_along_axis(values[:, :, task], row, axis=0)[0]
    return found


@contextmanager
def _counts_from(law: ModuleType, counts: Callable[[Floats, Floats], Floats]) -> Iterator[None]:
    """While it lasts, a module of the law gets its counts from here: rates stay written in one place."""
    drawn = vars(law)["poisson"]
    vars(law)["poisson"] = counts
    try:
        yield
    finally:
        vars(law)["poisson"] = drawn


def _recorded_edits(day: Day, likelihood: Floats) -> Callable[[Floats, Floats], Floats]:
    """Hands out the day's edits in the order in which the law draws them, and adds to `likelihood` [pairs]."""
    edits = iter([day[name] for name in hidden_law._EDITS])

    def counts(rate: Floats, _: Floats) -> Floats:
        found = next(edits)
        likelihood[:] += _poisson(found, rate)
        return found

    return counts


def _performance(dynamics: Dynamics, observer: Observer, day: Day) -> Floats:
    plan = dynamics.led_by()
    chance = np.where(plan.on, observer._run_chance(), 0.0)
    left = np.where(plan.on, (1 - chance) * observed_law._LEFTOVER_SHARE, 0.0)
    active = day["expenditure"] > 0
    shown = ~active & (day["impressions"] > 0)
    with np.errstate(divide="ignore"):
        logs = np.log(np.select([active, shown], [chance, left], 1 - chance - left))
    return np.maximum(logs, _NEVER) + np.where(active, _amounts(dynamics, observer, day), 0.0)


def _amounts(dynamics: Dynamics, observer: Observer, day: Day) -> Floats:
    """Of an active day: spend around its level, clicks given spend, impressions given clicks."""
    scenario = dynamics.pairs.scenario
    spend = np.maximum(day["expenditure"], 0.01)
    noise = np.log(spend) - observer._log_spend(dynamics.led_by())
    bids = observer._price + constant("click_cost_follows_spend")[scenario] * (dynamics.drift + noise)
    clicks = spend / (constant("click_cost")[scenario] * np.exp(bids))
    rate = np.minimum(constant("click_rate")[scenario] * np.exp(observer._click_rate), 0.5)
    unclicked = np.maximum(day["impressions"] - day["clicks"], 1.0)
    off = np.log(unclicked / (clicks * (1 / rate - 1)))
    spread = (_CLICK_RATE_SD / (1 - rate)) ** 2 + 1 / unclicked
    likelihood: Floats = -0.5 * (noise / constant("day_noise")[scenario]) ** 2 + _poisson(
        day["clicks"], clicks
    )
    return likelihood - np.where(unclicked > 5, 0.5 * off**2 / spread, 0.0)


def _poisson(counts: Floats, rate: Floats) -> Floats:
    """Log likelihood of Poisson counts, without the part that does not depend on the rate."""
    return np.where(counts > 0, counts * np.log(np.maximum(rate, 1e-300)), 0.0) - rate
