"""How good any forecast of the demo world can be: the error of one that knows the law and the hidden state.

The hidden state at the end of an as-of day is kept, and the days after it are drawn again many times from the same law.
Per pair and task the median of these futures is what nothing that sees only the past can beat, but for the error of
drawing finitely many. A model that reads 40 observed days does not see the hidden state: between the two lies what is
unknown, and how much of it can be learned nobody knows.

python -m tests.benchmarks demo_floor
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np

from jobs.demo_world.dynamics import Dynamics
from jobs.demo_world.hashing import Ints, Keys, keys
from jobs.demo_world.law import SCENARIOS
from jobs.demo_world.observed import Observer
from jobs.demo_world.world import World
from m2m.metrics import cell_metrics, overall
from tests.benchmarks.figures import Figure

TASKS = ("impressions", "clicks", "expenditure", "gmv", "active_days")
HISTORY_DAYS, HORIZON_DAYS = 40, 7
AS_OF = date(2026, 4, 21)
COMMAND = "python -m tests.benchmarks demo_floor"


def measure() -> Iterator[Figure]:
    """Overall and by scenario, the world of the evaluation on a test day of it."""
    for name, nmae in demo_floor().items():
        yield Figure(f"demo_floor_{name}", nmae, "NMAE", COMMAND)


def demo_floor(advertisers: int = 20_000, futures: int = 32) -> dict[str, float]:
    """Overall NMAE of the median and of the mean of the futures, and of the median by scenario. The median of fewer
    futures tells how far the last ones still lowered it."""
    state, eligible = at_the_end_of(World(advertisers), AS_OF)
    actual = totals(state, None)[eligible]
    drawn = np.stack([totals(state, seed)[eligible] for seed in range(1, futures + 1)])
    names = np.array([s.scenario_id for s in SCENARIOS])[state[0].pairs.scenario[eligible]]
    found = {}
    for count in sorted({futures // 4, futures // 2, futures}):
        cells = cell_metrics(actual, np.median(drawn[:count], axis=0), names, TASKS)
        found[f"median_of_{count}"] = overall(cells)["nmae"]
    for scenario in sorted(set(names.tolist())):
        found[scenario] = overall([cell for cell in cells if cell.scenario == scenario])["nmae"]
    found[f"mean_of_{futures}"] = overall(cell_metrics(actual, drawn.mean(axis=0), names, TASKS))["nmae"]
    return found


def at_the_end_of(world: World, ds: date) -> tuple[tuple[Dynamics, Observer], np.ndarray]:
    """The world at the end of `ds`, and which pairs were active or seen in the days of history."""
    dynamics = Dynamics(world.seed, world.tables, world.world_start, np.arange(world.advertisers))
    observer = Observer(dynamics)
    eligible = np.zeros(dynamics.pairs.entity.size, dtype=bool)
    while dynamics.ds < ds:
        dynamics.step()
        if dynamics.ds > ds - timedelta(days=HISTORY_DAYS):
            day = observer.day()
            seen = (day["impressions"] > 0) | (day["expenditure"] > 0)
            eligible[day["pair"][seen].astype(np.intp)] = True
    return (dynamics, observer), eligible


def totals(state: tuple[Dynamics, Observer], seed: int | None) -> np.ndarray:
    """Label totals [pairs, tasks] of the next days: those of the world, or drawn again with another seed."""
    dynamics, observer = copy.deepcopy(state)
    if seed is not None:
        draw_again(dynamics, seed)
    found = np.zeros((dynamics.pairs.entity.size, len(TASKS)))
    for day in _days(dynamics, observer):
        pairs = day["pair"].astype(np.intp)
        for column, task in enumerate(TASKS[:-1]):
            found[pairs, column] += day[task]
        found[pairs, -1] += day["expenditure"] > 0
    return found


def draw_again(dynamics: Dynamics, seed: int) -> None:
    """From now on, daily draws come from streams of another seed; profiles and all constants stay."""
    streams: dict[str, Keys] = {}

    def of_stream(stream: str, entities: Ints) -> Keys:
        if stream not in streams:
            streams[stream] = keys(1_000_000 + seed, stream, entities)
        return streams[stream]

    dynamics._keys = of_stream  # type: ignore[method-assign]


def _days(dynamics: Dynamics, observer: Observer) -> Iterator[dict[str, np.ndarray]]:
    for _ in range(HORIZON_DAYS):
        dynamics.step()
        yield observer.day()
