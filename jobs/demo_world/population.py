"""Who is in the world: advertisers, their profile through time, and the scenarios they take part in."""

from dataclasses import dataclass

import numpy as np

from jobs.demo_world.hashing import Floats, Ints, keys, normal, uniform
from jobs.demo_world.law import BURN_IN_DAYS, SCALES, SCENARIOS, STARS, TYPES

_SCALE_SHARES = np.array([0.32, 0.30, 0.21, 0.12, 0.05])
_STAR_SHARES = np.array([0.15, 0.25, 0.30, 0.20, 0.10])
_CATEGORY_SHARES = np.array([0.22, 0.17, 0.15, 0.13, 0.10, 0.10, 0.08, 0.05])
# Larger advertisers try more scenarios; the mean over the shares above is 1.
_SCALE_APPETITE = np.array([0.7, 0.9, 1.1, 1.5, 1.9]) / 1.0360
_SEARCH_SHARE = 0.93
_FEED_SHARE_IN_SEARCH = 0.21
_DISPLAY_SHARE_IN_BOTH = 0.090
_DISPLAY_SHARE_ELSE = 0.0015
_BRAND_SHARE = 0.030
_STAR_SHOP_SHARE = 0.047
_SHARE_THERE_FROM_THE_START = 0.75
_ARRIVAL_DAYS = 300
_STAR_MOVE_SHARE = 0.10
_SCALE_MOVE_SHARE = 0.01
_SIZE_SD = 1.15  # log scale, shared by all scenarios of an advertiser


@dataclass(frozen=True)
class Profile:
    """Snapshot columns, one entry per advertiser; category is an index into CATEGORIES."""

    business_scale: Ints
    main_category: Ints
    star_level: Ints


@dataclass(frozen=True)
class Pairs:
    """Advertiser x scenario, ordered by advertiser, then scenario; one entry per pair."""

    advertiser: Ints  # position in the block's ids
    scenario: Ints  # index into SCENARIOS
    entity: Ints  # the number that keys the pair's randomness
    start_day: Ints  # first day of the pair's life; the first burn-in day or later


def profile_at(seed: int, ids: Ints, snapshot: int) -> Profile:
    """Profile of each advertiser at the snapshot-th snapshot (0 is the world's first day)."""
    scale = _choice(uniform(keys(seed, "scale", ids)), _SCALE_SHARES) + 1
    star = _choice(uniform(keys(seed, "star", ids)), _STAR_SHARES) + 1
    category = _choice(uniform(keys(seed, "category", ids)), _CATEGORY_SHARES)
    moves, scale_moves = keys(seed, "star moves", ids), keys(seed, "scale moves", ids)
    for number in range(1, snapshot + 1):
        star = np.clip(star + _step(uniform(moves, number), _STAR_MOVE_SHARE), 1, STARS)
        scale = np.clip(scale + _step(uniform(scale_moves, number), _SCALE_MOVE_SHARE), 1, SCALES)
    return Profile(scale, category, star)


def build_pairs(seed: int, ids: Ints) -> Pairs:
    """The scenarios each advertiser ever takes part in, and since when (days since the world's first)."""
    member = _members(seed, ids)
    advertiser, scenario = np.nonzero(member)
    entity = ids[advertiser] * len(SCENARIOS) + scenario
    arrival = _arrival(seed, ids)[advertiser]
    wait = np.floor(-20.0 * np.log(uniform(keys(seed, "wait", entity)))).astype(np.int64)
    late_pair = uniform(keys(seed, "late pair", entity)) > _SHARE_THERE_FROM_THE_START
    start = np.where(late_pair, np.maximum(arrival, 0) + 3 * wait, arrival)
    launch = np.array([-BURN_IN_DAYS if s.launch_day is None else s.launch_day for s in SCENARIOS])
    launched_late = np.array([s.launch_day is not None for s in SCENARIOS])[scenario]
    start = np.where(launched_late, np.maximum(start, launch[scenario]) + wait // 2, start)
    return Pairs(advertiser, scenario, entity, start)


def _members(seed: int, ids: Ints) -> np.ndarray:
    chance = {s.scenario_id: uniform(keys(seed, f"member/{s.scenario_id}", ids)) for s in SCENARIOS}
    appetite = _SCALE_APPETITE[profile_at(seed, ids, 0).business_scale - 1]
    search = chance["sponsored_search"] < _SEARCH_SHARE
    feed = np.where(search, chance["news_feed"] < _FEED_SHARE_IN_SEARCH * appetite, True)
    display_share = np.where(search & feed, _DISPLAY_SHARE_IN_BOTH, _DISPLAY_SHARE_ELSE)
    members = {
        "sponsored_search": search,
        "news_feed": feed,
        "display": chance["display"] < display_share * appetite,
        "brand_search": chance["brand_search"] < _BRAND_SHARE * appetite,
        "star_shop": chance["star_shop"] < _STAR_SHOP_SHARE * appetite,
    }
    return np.stack([members[s.scenario_id] for s in SCENARIOS], axis=1)


def _arrival(seed: int, ids: Ints) -> Ints:
    """First day of an advertiser: most were there before the world starts, the others arrive evenly."""
    late = uniform(keys(seed, "arrives late", ids)) > _SHARE_THERE_FROM_THE_START
    days = np.floor(uniform(keys(seed, "arrival", ids)) * (_ARRIVAL_DAYS + BURN_IN_DAYS)).astype(np.int64)
    return np.where(late, days - BURN_IN_DAYS, -BURN_IN_DAYS)


def _choice(uniforms: Floats, shares: Floats) -> Ints:
    found = np.searchsorted(np.cumsum(shares), uniforms, side="right")
    return np.minimum(found, len(shares) - 1).astype(np.int64)


def _step(uniforms: Floats, share: float) -> Ints:
    return (uniforms < share * 0.6).astype(np.int64) - (uniforms > 1.0 - share * 0.4).astype(np.int64)


def pair_factors(seed: int, ids: Ints, pairs: Pairs) -> tuple[Floats, Floats, Floats]:
    """Constant factors (log scale) of each pair: spend, click cost, clicks per impression."""
    size = _SIZE_SD * normal(keys(seed, "size", ids))[pairs.advertiser]
    kind = np.array([TYPES.index(s.scenario_type) for s in SCENARIOS])[pairs.scenario]
    kin = normal(keys(seed, "kin", ids[pairs.advertiser] * len(TYPES) + kind))
    own = normal(keys(seed, "own", pairs.entity))
    own_spend = constant("own")[pairs.scenario] * own
    spend = size + constant("kin")[pairs.scenario] * kin + own_spend
    price = constant("click_cost_follows_spend")[pairs.scenario] * own_spend
    price = price + constant("click_cost_own")[pairs.scenario] * normal(keys(seed, "price", pairs.entity))
    return spend, price, 0.35 * normal(keys(seed, "click rate", pairs.entity))


def constant(name: str) -> Floats:
    """One constant of every scenario, [scenarios]."""
    return np.array([getattr(s, name) for s in SCENARIOS], dtype=np.float64)
