"""The constants of the demo world: its scenarios, its calendar, and how a scenario answers to a profile.

Every table [scenario, category] is a part shared by the scenarios of one type plus a part of the scenario's
own, drawn from the seed: what is learnt in a large scenario helps in a small one of the same type, but not
all the way.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from jobs.demo_world.hashing import Floats, keys, normal

CATEGORIES = ("apparel", "beauty", "electronics", "food", "furniture", "mother_and_baby", "sports", "travel")
SCALES = 5
STARS = 5
SNAPSHOT_DAYS = 28
BURN_IN_DAYS = 60
SALE_DAYS_OF_MONTH = (8, 20)
SALE_NOTICE_DAYS = 3
# Weights of the two parts of a table; their squares sum to 1.
_SHARED, _OWN = 0.85, 0.527


@dataclass(frozen=True)
class Scenario:
    """One scenario's constants. Money is per active day; sd and loadings are on the log scale."""

    scenario_id: str
    scenario_type: str
    lead: int  # days by which plans (and so behaviours) run ahead of performance
    spend: float  # median expenditure of an active day of a middling advertiser
    own: float  # sd of the pair's own constant factor
    kin: float  # sd of the factor shared by the advertiser's scenarios of one type
    intent: float  # loading of the advertiser's drifting intent
    drift: float  # sd of the pair's own drifting factor
    day_noise: float  # sd of a day's spend around its level
    pause: float  # chance per day of a pause in this scenario alone
    run_logit: float  # log odds that a pair which means to advertise does so on a given day
    click_cost: float  # median expenditure per click
    click_cost_follows_spend: float  # share of the pair's own ups and downs that is price, not volume
    click_cost_own: float  # sd of the pair's price factor
    click_rate: float  # median clicks per impression
    launch_day: int | None = None  # days after the world's first day


SCENARIOS = (
    Scenario(
        "sponsored_search",
        "search",
        lead=4,
        spend=22.0,
        own=0.25,
        kin=0.0,
        intent=1.0,
        drift=0.20,
        day_noise=0.75,
        pause=0.006,
        run_logit=1.3,
        click_cost=1.2,
        click_cost_follows_spend=1.0,
        click_cost_own=0.0,
        click_rate=0.035,
    ),
    Scenario(
        "display",
        "display",
        lead=5,
        spend=40.0,
        own=0.50,
        kin=0.12,
        intent=1.0,
        drift=0.20,
        day_noise=0.60,
        pause=0.006,
        run_logit=1.0,
        click_cost=1.8,
        click_cost_follows_spend=0.0,
        click_cost_own=0.56,
        click_rate=0.012,
    ),
    Scenario(
        "star_shop",
        "brand",
        lead=3,
        spend=45.0,
        own=0.40,
        kin=0.2,
        intent=0.8,
        drift=0.30,
        day_noise=0.60,
        pause=0.006,
        run_logit=1.3,
        click_cost=2.5,
        click_cost_follows_spend=0.0,
        click_cost_own=0.25,
        click_rate=0.060,
        launch_day=70,
    ),
    Scenario(
        "news_feed",
        "display",
        lead=3,
        spend=26.0,
        own=0.05,
        kin=0.12,
        intent=1.0,
        drift=0.08,
        day_noise=0.42,
        pause=0.003,
        run_logit=1.8,
        click_cost=0.8,
        click_cost_follows_spend=0.0,
        click_cost_own=0.57,
        click_rate=0.020,
    ),
    Scenario(
        "brand_search",
        "brand",
        lead=4,
        spend=34.0,
        own=0.40,
        kin=0.2,
        intent=0.8,
        drift=0.30,
        day_noise=0.60,
        pause=0.006,
        run_logit=1.3,
        click_cost=2.0,
        click_cost_follows_spend=0.2,
        click_cost_own=0.20,
        click_rate=0.080,
    ),
)
TYPES = tuple(sorted({scenario.scenario_type for scenario in SCENARIOS}))


@dataclass(frozen=True)
class Tables:
    """How scenario x category (x star level) bends the law; each array is [scenarios, categories]."""

    level: Floats  # log of the spend level
    scale_slope: Floats  # log spend per step of business_scale
    star_slope: Floats  # log spend per step of star_level
    budget_response: Floats  # log spend per budget edit, from the day after, fading
    bid_response: Floats
    campaign_response: Floats
    login_signal: (
        Floats  # log of logins while the plan is on / while it is off; below 0: busiest before a pause
    )
    budget_signal: Floats  # the same of budget edits
    bid_signal: Floats
    campaign_signal: Floats
    weekend: Floats  # log spend on Saturday and Sunday
    sale: Floats  # log spend on a sale day
    sale_star: Floats  # the same, more per step of star_level
    pause: Floats  # log of the hazard of a pause in this scenario alone
    back: Floats  # log of the hazard of the end of such a pause


_MEAN_AND_SPREAD = {
    "level": (0.0, 0.12),
    "scale_slope": (0.40, 0.05),
    "star_slope": (0.08, 0.06),
    "budget_response": (0.10, 0.24),
    "bid_response": (0.0, 0.28),
    "campaign_response": (0.10, 0.22),
    "login_signal": (1.0, 1.1),
    "budget_signal": (0.9, 1.1),
    "bid_signal": (0.5, 1.1),
    "campaign_signal": (0.5, 1.1),
    "weekend": (-0.10, 0.30),
    "sale": (0.50, 0.25),
    "sale_star": (0.0, 0.08),
    "pause": (0.0, 0.50),
    "back": (0.0, 0.40),
}


def build_tables(seed: int) -> Tables:
    """The tables of one world."""
    return Tables(**{name: _table(seed, name, *law) for name, law in _MEAN_AND_SPREAD.items()})


def is_sale_day(ds: date) -> bool:
    """Whether the platform holds a sale that day."""
    return ds.day in SALE_DAYS_OF_MONTH


def is_before_sale(ds: date) -> bool:
    """Whether a sale is announced: one of the next few days, not today, is a sale day."""
    return any(is_sale_day(ds + timedelta(days=n)) for n in range(1, SALE_NOTICE_DAYS + 1))


def _table(seed: int, name: str, mean: float, spread: float) -> Floats:
    columns = np.arange(len(CATEGORIES))
    shared = {t: normal(keys(seed, f"{name}/{t}", columns)) for t in TYPES}
    own = [normal(keys(seed, f"{name}/own/{s.scenario_id}", columns)) for s in SCENARIOS]
    rows = [_SHARED * shared[s.scenario_type] + _OWN * own[i] for i, s in enumerate(SCENARIOS)]
    return mean + spread * np.stack(rows)
