"""What the platform records of one day, given the hidden state of that day."""

import numpy as np

from jobs.demo_world.dynamics import Dynamics, Plan
from jobs.demo_world.hashing import Floats, Ints, keys, normal, poisson
from jobs.demo_world.law import is_before_sale, is_sale_day
from jobs.demo_world.population import constant, pair_factors

_LOGIN_RATE = 0.8
_STEADY_SD, _OWN_STEADY_SD = 0.9, 0.5
_LEFTOVER_SHARE = 0.03
_CONVERSION = 0.04
_RETURN_PER_SPEND = 3.0
_RAMP_DAYS = 12.0
_REACH = 3.0


class Observer:
    """Draws the observable columns of a block of pairs, day by day."""

    def __init__(self, dynamics: Dynamics) -> None:
        self._dynamics = dynamics
        seed, pairs = dynamics.seed, dynamics.pairs
        self._spend, self._price, self._click_rate = pair_factors(seed, dynamics.ids, pairs)
        steady = _STEADY_SD * normal(keys(seed, "steady", dynamics.ids))[pairs.advertiser]
        steady = steady + _OWN_STEADY_SD * normal(keys(seed, "own steady", pairs.entity))
        self._run_logit = constant("run_logit")[pairs.scenario] + steady
        self._value = 0.4 * normal(keys(seed, "value", pairs.entity))

    def day(self) -> dict[str, Ints | Floats]:
        """Columns of the current day, one entry per pair with any activity; `pair` is its place."""
        dynamics = self._dynamics
        plan = dynamics.led_by()
        active = plan.on & (dynamics.pair_uniform("run") < self._run_chance())
        columns: dict[str, Ints | Floats] = {"login_count": self._logins(), **dynamics.edits}
        columns |= self._performance(plan, active)
        seen = np.zeros(active.size, dtype=bool)
        for values in columns.values():
            seen |= values > 0
        rows = np.flatnonzero(seen)
        return {"pair": rows} | {name: values[rows] for name, values in columns.items()}

    def _run_chance(self) -> Floats:
        weekend = self._dynamics.table("weekend") if self._is_weekend else 0.0
        return 1.0 / (1.0 + np.exp(-(self._run_logit + 1.5 * weekend + (0.8 if self._is_sale else 0.0))))

    def _logins(self) -> Ints:
        dynamics = self._dynamics
        rate = _LOGIN_RATE * dynamics.interest("login_signal")
        rate = rate * (1.4 if is_before_sale(dynamics.ds) else 1.0) * (0.6 if self._is_weekend else 1.0)
        return poisson(rate, dynamics.pair_uniform("login"))

    def _performance(self, plan: Plan, active: np.ndarray) -> dict[str, Ints | Floats]:
        dynamics = self._dynamics
        scenario = dynamics.pairs.scenario
        noise = constant("day_noise")[scenario] * dynamics.pair_normal("spend")
        spend = np.exp(self._log_spend(plan) + noise)
        follows = constant("click_cost_follows_spend")[scenario]
        bids = self._price + follows * (dynamics.drift + noise)
        click_price = constant("click_cost")[scenario] * np.exp(bids)
        clicks = poisson(np.where(active, spend / click_price, 0.0), dynamics.pair_uniform("clicks"))
        rate = np.minimum(constant("click_rate")[scenario] * np.exp(self._click_rate), 0.5)
        rate = rate * np.exp(0.15 * dynamics.pair_normal("click rate"))
        unclicked = poisson(spend / click_price * (1.0 / rate - 1.0), dynamics.pair_uniform("impressions"))
        leftover = plan.on & ~active & (dynamics.pair_uniform("leftover") < _LEFTOVER_SHARE)
        shown = np.maximum(unclicked + clicks, 1)
        impressions = np.where(active, shown, np.where(leftover, unclicked // 20 + 1, 0))
        expenditure = np.where(active, np.maximum(np.round(spend, 2), 0.01), 0.0)
        return {
            "impressions": impressions,
            "clicks": clicks,
            "expenditure": expenditure,
            "gmv": self._gmv(clicks, click_price),
        }

    def _log_spend(self, plan: Plan) -> Floats:
        dynamics = self._dynamics
        pairs, profile = dynamics.pairs, dynamics.profile
        star = profile.star_level[pairs.advertiser] - 3
        scale = profile.business_scale[pairs.advertiser] - 2
        level = self._spend + dynamics.table("level") + dynamics.table("scale_slope") * scale
        level = level + dynamics.table("star_slope") * star
        age = dynamics.day - pairs.start_day
        level = level + plan.intent + plan.response + dynamics.drift - np.exp(-age / _RAMP_DAYS)
        # The market is finite: whoever is far above the scenario's median grows less and less.
        level = _REACH * np.tanh(level / _REACH) + np.log(constant("spend"))[pairs.scenario]
        if self._is_weekend:
            level = level + dynamics.table("weekend")
        if self._is_sale:
            level = level + dynamics.table("sale") + dynamics.table("sale_star") * star
        return level

    def _gmv(self, clicks: Ints, click_price: Floats) -> Floats:
        """Orders are rare and their value has a heavy tail: gmv is often 0 and sometimes very large."""
        orders = poisson(_CONVERSION * clicks.astype(np.float64), self._dynamics.pair_uniform("orders"))
        value = _RETURN_PER_SPEND * click_price / _CONVERSION
        luck = 0.7 * self._dynamics.pair_normal("order value")
        return np.round(orders * value * np.exp(self._value + luck), 2)

    @property
    def _is_weekend(self) -> bool:
        return self._dynamics.ds.weekday() >= 5

    @property
    def _is_sale(self) -> bool:
        return is_sale_day(self._dynamics.ds)
