"""The demo world as a pure function: seed, advertisers and days in, rows out (numpy only, no Spark)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from jobs.demo_world.dynamics import Dynamics
from jobs.demo_world.hashing import Floats, Ints
from jobs.demo_world.law import SCENARIOS, SNAPSHOT_DAYS, Tables, build_tables
from jobs.demo_world.observed import Observer
from jobs.demo_world.population import Pairs, Profile, profile_at

DEFAULT_SEED = 7
DEFAULT_ADVERTISERS = 2000
DEFAULT_WORLD_START = date(2026, 1, 1)
LARGEST_WORLD = 10_000_000

Columns = dict[str, Ints | Floats]


@dataclass(frozen=True)
class World:
    """A world of advertisers 0 .. advertisers-1; `world_start` is its first day.

    Raises ValueError when `advertisers` is not in 1 .. 10,000,000.
    """

    advertisers: int = DEFAULT_ADVERTISERS
    seed: int = DEFAULT_SEED
    world_start: date = DEFAULT_WORLD_START
    tables: Tables = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.advertisers <= LARGEST_WORLD:
            raise ValueError(f"advertisers is {self.advertisers}, expected 1 to {LARGEST_WORLD}")
        object.__setattr__(self, "tables", build_tables(self.seed))

    def day_number(self, ds: date) -> int:
        """Days from the world's first day to `ds`. Raises ValueError for a day before it."""
        if ds < self.world_start:
            raise ValueError(f"day {ds} is before the world, expected {self.world_start} or later")
        return (ds - self.world_start).days

    def simulate_days(self, ids: Ints, start_ds: date, end_ds: date) -> Iterator[tuple[date, Columns]]:
        """For each day in turn its rows, ordered by advertiser, then scenario.

        Columns: advertiser (number), scenario (index into SCENARIOS), the four behaviours, impressions and
        clicks (int64), expenditure and gmv (float64, rounded to cents). Memory is that of one day of `ids`.
        """
        first = self.day_number(start_ds)
        dynamics = Dynamics(self.seed, self.tables, self.world_start, np.asarray(ids, dtype=np.int64))
        observer = Observer(dynamics)
        while dynamics.ds < end_ds:
            dynamics.step()
            if dynamics.day >= first:
                yield dynamics.ds, _named(dynamics.ids, dynamics.pairs, observer.day())

    def simulate(self, ids: Ints, start_ds: date, end_ds: date) -> Columns:
        """All rows of a range of days as one set of columns, with `day` (days since the world's first)."""
        parts = []
        for ds, columns in self.simulate_days(ids, start_ds, end_ds):
            day = np.full(columns["advertiser"].size, self.day_number(ds), dtype=np.int64)
            columns["day"] = day
            parts.append(columns)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def snapshot_days(self, start_ds: date, end_ds: date) -> list[date]:
        """Days of the range on which a profile snapshot is taken."""
        days = range(self.day_number(start_ds), self.day_number(end_ds) + 1)
        return [self.world_start + timedelta(days=day) for day in days if day % SNAPSHOT_DAYS == 0]

    def snapshot(self, ids: Ints, ds: date) -> tuple[Ints, Profile]:
        """Rows of a snapshot day: all advertisers on the first, afterwards those whose profile changed."""
        number = self.day_number(ds) // SNAPSHOT_DAYS
        profile = profile_at(self.seed, ids, number)
        rows = np.arange(ids.size)
        if number > 0:
            before = profile_at(self.seed, ids, number - 1)
            moved = profile.star_level != before.star_level
            rows = np.flatnonzero(moved | (profile.business_scale != before.business_scale))
        return ids[rows], Profile(
            profile.business_scale[rows], profile.main_category[rows], profile.star_level[rows]
        )

    def scenario_rows(self) -> list[tuple[str, str, date | None]]:
        """Rows of the scenario table: scenario_id, scenario_type, launched_on."""
        return [(s.scenario_id, s.scenario_type, self._launch(s.launch_day)) for s in SCENARIOS]

    def _launch(self, day: int | None) -> date | None:
        return None if day is None else self.world_start + timedelta(days=day)


def _named(ids: Ints, pairs: Pairs, columns: Columns) -> Columns:
    rows = columns.pop("pair").astype(np.intp)
    return {"advertiser": ids[pairs.advertiser[rows]], "scenario": pairs.scenario[rows]} | columns
