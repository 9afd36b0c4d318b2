"""How good any forecast of the demo world can be: the error of one that knows the law and the hidden state.

The hidden state at the end of an as-of day is kept, and the days after it are drawn again many times from the same law.
Per pair and task the median of these futures is what nothing that sees only the past can beat, but for the error of
drawing finitely many and the luck of the one real future. A model that reads 40 observed days does not see the hidden
state: between the two lies what is unknown, and how much of it can be learned nobody knows.

python -m tests.benchmarks demo_floor
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from jobs.demo_world.dynamics import Dynamics
from jobs.demo_world.hashing import Ints, Keys, keys
from jobs.demo_world.law import SCENARIOS
from jobs.demo_world.observed import Observer
from jobs.demo_world.world import World
from m2m.metrics import Cell, cell_metrics, overall
from tests.benchmarks.figures import Figure

Values = npt.NDArray[np.float64]
State = tuple[Dynamics, Observer]
TASKS = ("impressions", "clicks", "expenditure", "gmv", "active_days")
HISTORY_DAYS, HORIZON_DAYS = 40, 7
TEST_DAYS = tuple(date(2026, 4, day) for day in range(19, 24))
AS_OF = TEST_DAYS[2]
ADVERTISERS, FUTURES, FEW_FUTURES = 20_000, 64, 32
OLD_DAYS = 5  # the longest lead: what is planned by then has all been seen in performance
FIRST_SEED = 1_000_001
# Everything that is drawn daily, by what it decides.
STREAMS = {
    "pauses": ("plans", "pair plans"),
    "levels": ("intent", "drift", "campaign_edit_count", "bid_edit_count", "budget_edit_count"),
    "active_or_not": ("run",),
    "day_spend": ("spend",),
    "counts": ("login", "clicks", "click rate", "impressions", "leftover"),
    "orders": ("orders", "order value"),
}
COMMAND = "python -m tests.benchmarks demo_floor"


def measure() -> Iterator[Figure]:
    """The world of the evaluation on its test days; then, on the middle one, luck and what keeps the floor up."""
    world = World(ADVERTISERS)
    for found in (demo_floor(world, TEST_DAYS, FUTURES), luck(world, AS_OF), reasons(world, AS_OF)):
        for name, nmae in found.items():
            yield Figure(f"demo_floor_{name}", nmae, "NMAE", COMMAND)


def demo_floor(world: World, days: Sequence[date], futures: int) -> dict[str, float]:
    """Overall NMAE of the median and of the mean of the futures, and of the median by scenario and by task, rows of all
    `days` together. The medians of fewer futures tell how far the last ones still lowered it."""
    counts = (futures // 4, futures // 2, futures)
    parts = []
    for state, eligible in ends_of(world, days):
        drawn = draw(state, eligible, range(futures))
        forecasts = [np.median(drawn[:count], axis=0) for count in counts] + [drawn.mean(axis=0)]
        parts.append((totals(state)[eligible], np.stack(forecasts), scenarios_of(state, eligible)))
    actual, names = np.concatenate([part[0] for part in parts]), np.concatenate([part[2] for part in parts])
    *medians, mean = np.concatenate([part[1] for part in parts], axis=1)
    cells = [cell_metrics(actual, median, names, TASKS) for median in medians]
    found = {f"median_of_{n}": overall(some)["nmae"] for n, some in zip(counts, cells, strict=True)}
    found[f"mean_of_{futures}"] = overall(cell_metrics(actual, mean, names, TASKS))["nmae"]
    return found | by_scenario(cells[-1]) | by_task(cells[-1])


def luck(world: World, ds: date, others: int = 16) -> dict[str, float]:
    """Mean and standard deviation of the floor of one day, overall and by scenario, when `others` more futures take the
    place of the real one: how far it is a matter of which future came true."""
    ((state, eligible),) = ends_of(world, [ds])
    names = scenarios_of(state, eligible)
    median = np.median(draw(state, eligible, range(FUTURES)), axis=0)
    floors = []
    for actual in draw(state, eligible, range(FUTURES, FUTURES + others)):
        cells = cell_metrics(actual, median, names, TASKS)
        floors.append({"overall": overall(cells)["nmae"]} | by_scenario(cells))
    found = {}
    for name in floors[0]:
        values = [floor[name] for floor in floors]
        found |= {f"expected_{name}": float(np.mean(values)), f"luck_{name}": float(np.std(values, ddof=1))}
    return found


def reasons(world: World, ds: date) -> dict[str, float]:
    """Overall NMAE of the median of one day when one kind of draw is told beforehand (`told_`), when it alone is not
    known (`only_`), and when the state is known as it was 5 days ago and nothing since (`state_5_days_old`)."""
    (old, _), (state, eligible) = ends_of(world, [ds - timedelta(days=OLD_DAYS), ds])
    names, actual = scenarios_of(state, eligible), totals(state)[eligible]

    def floor(start: State, told: Iterable[str] = (), skip: int = 0) -> float:
        median = np.median(draw(start, eligible, range(FEW_FUTURES), told, skip), axis=0)
        return overall(cell_metrics(actual, median, names, TASKS))["nmae"]

    everything = {stream for streams in STREAMS.values() for stream in streams}
    found = {"nothing_told": floor(state), f"state_{OLD_DAYS}_days_old": floor(old, skip=OLD_DAYS)}
    for name, streams in STREAMS.items():
        found |= {
            f"told_{name}": floor(state, streams),
            f"only_{name}": floor(state, everything - {*streams}),
        }
    return found


def ends_of(
    world: World, days: Sequence[date], ids: Ints | None = None
) -> Iterator[tuple[State, npt.NDArray[np.bool_]]]:
    """For each of `days`, in order: the world (or only the advertisers `ids`) at the end of it, and its eligible pairs
    as in features.samples (an impression or expenditure within the days of history)."""
    ids = np.arange(world.advertisers) if ids is None else ids
    dynamics = Dynamics(world.seed, world.tables, world.world_start, ids)
    observer = Observer(dynamics)
    last_seen = np.full(dynamics.pairs.entity.size, -HISTORY_DAYS)
    while dynamics.ds < days[-1]:
        dynamics.step()
        if dynamics.ds > days[0] - timedelta(days=HISTORY_DAYS):
            day = observer.day()
            seen = (day["impressions"] > 0) | (day["expenditure"] > 0)
            last_seen[day["pair"][seen].astype(np.intp)] = dynamics.day
        if dynamics.ds in days:
            yield copy.deepcopy((dynamics, observer)), last_seen > dynamics.day - HISTORY_DAYS


def scenarios_of(state: State, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.str_]:
    """scenario_id of the chosen pairs."""
    return np.array([s.scenario_id for s in SCENARIOS])[state[0].pairs.scenario[chosen]]


def by_scenario(cells: list[Cell]) -> dict[str, float]:
    """NMAE of each scenario, mean over its tasks."""
    names = sorted({cell.scenario for cell in cells})
    return {name: overall([cell for cell in cells if cell.scenario == name])["nmae"] for name in names}


def by_task(cells: list[Cell]) -> dict[str, float]:
    """NMAE of each task, mean over scenarios."""
    return {task: overall([cell for cell in cells if cell.task == task])["nmae"] for task in TASKS}


def draw(
    state: State, chosen: npt.NDArray[np.bool_], numbers: range, told: Iterable[str] = (), skip: int = 0
) -> Values:
    """Label totals [futures, chosen pairs, tasks] of the futures of these numbers."""
    drawn = [totals(state, FIRST_SEED + number, told, skip)[chosen] for number in numbers]
    return np.stack(drawn)


def totals(state: State, seed: int | None = None, told: Iterable[str] = (), skip: int = 0) -> Values:
    """Label totals [pairs, tasks] of the 7 days that come after `skip` more days: the world's own (None), or drawn with
    another seed, except streams that are `told`."""
    dynamics, observer = copy.deepcopy(state)
    if seed is not None:
        draw_again(dynamics, seed, frozenset(told))
    found = np.zeros((dynamics.pairs.entity.size, len(TASKS)))
    for number in range(skip + HORIZON_DAYS):
        dynamics.step()
        if number >= skip:
            _add_labels(found, observer.day())
    return found


def draw_again(dynamics: Dynamics, seed: int, told: frozenset[str] = frozenset()) -> None:
    """From now on, daily draws come from streams of this seed, except those `told`; profiles and all constants stay."""
    streams: dict[str, Keys] = {}

    def of_stream(stream: str, entities: Ints) -> Keys:
        if stream not in streams:
            streams[stream] = keys(dynamics.seed if stream in told else seed, stream, entities)
        return streams[stream]

    dynamics._keys = of_stream  # type: ignore[method-assign]


def _add_labels(found: Values, day: dict[str, npt.NDArray[np.int64] | Values]) -> None:
    pairs = day["pair"].astype(np.intp)
    for column, task in enumerate(TASKS[:-1]):
        found[pairs, column] += day[task]
    found[pairs, -1] += day["expenditure"] > 0
