"""The law of the demo world: determinism, sizes, correlations, behaviours ahead of performance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pytest

from jobs.demo_world.hashing import keys, normal, poisson, uniform
from jobs.demo_world.law import SCENARIOS
from jobs.demo_world.world import Columns, World

HISTORY_DAYS, HORIZON_DAYS = 40, 7
DAYS = 120
COUNTS = (
    "login_count",
    "campaign_edit_count",
    "bid_edit_count",
    "budget_edit_count",
    "impressions",
    "clicks",
)
# Sizes of the scenarios and Pearson correlations of next-7-day sums as published (paper, Tables 1 and 3).
SIZES = {
    "sponsored_search": 25.28,
    "display": 0.51,
    "star_shop": 0.47,
    "news_feed": 7.29,
    "brand_search": 0.84,
}
CORRELATIONS = [
    ("sponsored_search", "news_feed", "expenditure", 0.67),
    ("sponsored_search", "news_feed", "clicks", 0.61),
    ("sponsored_search", "display", "expenditure", 0.57),
    ("sponsored_search", "display", "clicks", 0.53),
    ("news_feed", "display", "expenditure", 0.70),
    ("news_feed", "display", "clicks", 0.45),
]
SCENARIO_INDEX = {scenario.scenario_id: index for index, scenario in enumerate(SCENARIOS)}


@dataclass(frozen=True)
class Dense:
    """A world as one row per pair: `daily[column]` is [pairs, days]."""

    advertiser: np.ndarray
    scenario: np.ndarray
    daily: dict[str, np.ndarray]

    @cached_property
    def active(self) -> np.ndarray:
        return self.daily["expenditure"] > 0

    def eligible(self, day: int) -> np.ndarray:
        used = self.active | (self.daily["impressions"] > 0)
        return used[:, max(day - HISTORY_DAYS + 1, 0) : day + 1].any(axis=1)

    def label(self, column: str, day: int) -> np.ndarray:
        return self.daily[column][:, day + 1 : day + 1 + HORIZON_DAYS].sum(axis=1)

    def rows_of(self, scenario_id: str) -> np.ndarray:
        return np.flatnonzero(self.scenario == SCENARIO_INDEX[scenario_id])


def simulate(world: World, ids: np.ndarray, first_day: int = 0, last_day: int = DAYS - 1) -> Columns:
    start = world.world_start
    return world.simulate(ids, start + timedelta(days=first_day), start + timedelta(days=last_day))


@pytest.fixture(scope="module")
def rows() -> Columns:
    """All rows of 20,000 advertisers over 120 days on the default seed."""
    return simulate(World(20_000), np.arange(20_000))


@pytest.fixture(scope="module")
def dense(rows: Columns) -> Dense:
    pair, place = np.unique(rows["advertiser"] * len(SCENARIOS) + rows["scenario"], return_inverse=True)
    daily = {}
    for name in (*COUNTS, "expenditure"):
        daily[name] = np.zeros((pair.size, DAYS), dtype=np.float32)
        daily[name][place, rows["day"]] = rows[name]
    return Dense(pair // len(SCENARIOS), pair % len(SCENARIOS), daily)


def as_of_days() -> range:
    return range(HISTORY_DAYS, DAYS - HORIZON_DAYS, 6)


@pytest.mark.parametrize(("first", "second", "task", "published"), CORRELATIONS)
def test_scenarios_correlate_as_published(
    dense: Dense, first: str, second: str, task: str, published: float
) -> None:
    _, left, right = np.intersect1d(
        dense.advertiser[dense.rows_of(first)], dense.advertiser[dense.rows_of(second)], return_indices=True
    )
    left, right = dense.rows_of(first)[left], dense.rows_of(second)[right]
    labels = []
    for day in as_of_days():
        both = dense.eligible(day)[left] & dense.eligible(day)[right]
        label = dense.label(task, day)
        labels.append(np.stack([label[left][both], label[right][both]]))
    found = np.corrcoef(np.concatenate(labels, axis=1))[0, 1]
    assert found == pytest.approx(published, abs=0.08)


def test_scenarios_are_sized_as_published_in_eligible_pair_days(dense: Dense) -> None:
    found = np.array([sum(dense.eligible(d)[dense.rows_of(s)].sum() for d in as_of_days()) for s in SIZES])
    expected = np.array(list(SIZES.values()))
    assert found / found.sum() == pytest.approx(expected / expected.sum(), rel=0.15)


def test_activity_is_neither_rare_nor_constant(dense: Dense) -> None:
    labels = []
    for day in as_of_days():
        labels.append(dense.active[:, day + 1 : day + 1 + HORIZON_DAYS].sum(axis=1)[dense.eligible(day)])
    weeks = np.concatenate(labels)
    assert 0.35 < weeks.mean() / HORIZON_DAYS < 0.60
    assert 0.10 < (weeks == 0).mean() < 0.25


def test_columns_are_counts_and_cents_with_activity_in_every_row(rows: Columns) -> None:
    for name in COUNTS:
        assert rows[name].dtype == np.int64
        assert rows[name].min() == 0
    for name in ("expenditure", "gmv"):
        assert rows[name].min() == 0
        assert np.array_equal(rows[name], np.round(rows[name], 2))
    assert (rows["clicks"] <= rows["impressions"]).all()
    assert (rows["impressions"][rows["expenditure"] > 0] > 0).all()
    assert (rows["gmv"][rows["clicks"] == 0] == 0).all()
    assert sum(rows[name] for name in (*COUNTS, "expenditure")).min() > 0
    assert ((rows["impressions"] == 0) & (rows["login_count"] > 0)).any()


def test_money_is_heavy_tailed_with_many_zeros(rows: Columns) -> None:
    gmv = np.sort(rows["gmv"][rows["expenditure"] > 0])
    assert 0.10 < (gmv == 0).mean() < 0.60
    assert gmv[-gmv.size // 10 :].sum() > 0.5 * gmv.sum()


def test_star_shop_is_absent_before_its_launch(rows: Columns) -> None:
    launch = SCENARIOS[SCENARIO_INDEX["star_shop"]].launch_day
    days = rows["day"][rows["scenario"] == SCENARIO_INDEX["star_shop"]]
    assert launch is not None and launch <= days.min() <= launch + 1


def quiet_spells(active: np.ndarray, length: int) -> list[tuple[int, int, int]]:
    """(pair, last active day before, first active day after) of each run of `length` or more quiet days."""
    pairs, days = np.nonzero(active)
    same = pairs[1:] == pairs[:-1]
    spell = same & (days[1:] - days[:-1] > length)
    return list(zip(pairs[:-1][spell], days[:-1][spell], days[1:][spell], strict=True))


def test_logins_fall_before_a_pause(dense: Dense) -> None:
    logins = dense.daily["login_count"]
    spells = [(pair, last) for pair, last, _ in quiet_spells(dense.active, 10) if last >= 3]
    before = np.mean([logins[pair, last - 2 : last + 1].mean() for pair, last in spells])
    usual = np.mean([logins[pair][dense.active[pair]].mean() for pair, _ in spells])
    assert len(spells) > 1000
    assert before < 0.7 * usual


def test_edits_and_logins_rise_before_a_return(dense: Dense) -> None:
    for name in ("budget_edit_count", "login_count"):
        values = dense.daily[name]
        spells = quiet_spells(dense.active, 14)
        early = np.mean([values[pair, last + 1 : back - 7].mean() for pair, last, back in spells])
        ahead = np.mean([values[pair, back - 3 : back].mean() for pair, _, back in spells])
        assert ahead > 2 * early


def test_sale_days_and_weekends_move_spend(rows: Columns) -> None:
    start = World().world_start
    total = np.bincount(rows["day"].astype(int), weights=rows["expenditure"], minlength=DAYS)
    sale = np.array([(start + timedelta(days=d)).day in (8, 20) for d in range(DAYS)])
    near = np.roll(sale, 2) & ~sale
    assert total[sale].mean() > 1.2 * total[near].mean()


def test_a_part_of_the_world_is_the_same_rows_as_the_whole() -> None:
    world, ids = World(300), np.arange(300)
    whole = simulate(world, ids, 20, 60)
    blocks = [simulate(world, part, 20, 60) for part in np.split(ids, [37, 200])]
    days = [simulate(world, ids, day, day) for day in range(20, 61)]
    order = np.lexsort([whole["scenario"], whole["advertiser"], whole["day"]])
    for parts in (blocks, days):
        joined = {name: np.concatenate([part[name] for part in parts]) for name in whole}
        again = np.lexsort([joined["scenario"], joined["advertiser"], joined["day"]])
        for name, values in whole.items():
            assert np.array_equal(joined[name][again], values[order])


def test_rows_depend_on_the_seed_alone() -> None:
    ids = np.arange(200)
    first, again, other = (simulate(World(200, seed), ids, 0, 10) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["expenditure"], other["expenditure"])


def test_adding_advertisers_leaves_the_others_as_they_were() -> None:
    small, large = (simulate(World(n), np.arange(100), 0, 5) for n in (100, 5000))
    assert all(np.array_equal(small[name], large[name]) for name in small)


def test_snapshots_hold_everyone_once_and_then_those_who_changed() -> None:
    world, ids = World(2000), np.arange(2000)
    start = world.world_start
    first_ids, first = world.snapshot(ids, start)
    later_ids, later = world.snapshot(ids, start + timedelta(days=28))
    assert np.array_equal(first_ids, ids)
    assert 0.05 < later_ids.size / ids.size < 0.20
    changed = (first.star_level[later_ids] != later.star_level) | (
        first.business_scale[later_ids] != later.business_scale
    )
    assert changed.all()
    assert np.array_equal(first.main_category[later_ids], later.main_category)
    assert world.snapshot_days(start, start + timedelta(days=60)) == [
        start + timedelta(days=d) for d in (0, 28, 56)
    ]


@pytest.mark.parametrize("advertisers", [0, -1, 10_000_001])
def test_a_world_of_no_size_is_refused(advertisers: int) -> None:
    with pytest.raises(ValueError, match=f"advertisers is {advertisers}, expected 1 to 10000000"):
        World(advertisers)


def test_a_day_before_the_world_is_refused() -> None:
    with pytest.raises(ValueError, match="2025-12-31 is before the world"):
        World().day_number(date(2025, 12, 31))


def test_hashed_numbers_follow_their_distributions() -> None:
    key = keys(3, "test", np.arange(200_000))
    assert uniform(key, 5).mean() == pytest.approx(0.5, abs=0.005)
    assert np.corrcoef(uniform(key, 5), uniform(key, 6))[0, 1] == pytest.approx(0, abs=0.01)
    assert normal(key, 5).std() == pytest.approx(1, abs=0.01)
    for rate in (0.05, 1.0, 11.0, 13.0, 500.0):
        counts = poisson(np.full(key.size, rate), uniform(key, 7))
        assert counts.mean() == pytest.approx(rate, rel=0.02)
        assert counts.var() == pytest.approx(rate, rel=0.03)
