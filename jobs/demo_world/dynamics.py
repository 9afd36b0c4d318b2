"""The hidden state of a block of pairs, moved on one day at a time from the first burn-in day.

Plans (whether to advertise) change first, and behaviours show them at once; performance follows `lead` days
later. So logins fall some days before a pause and edits rise some days before a return.
"""

from collections import deque
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from jobs.demo_world.hashing import Floats, Ints, Keys, keys, normal, poisson, uniform
from jobs.demo_world.law import BURN_IN_DAYS, SCENARIOS, SNAPSHOT_DAYS, Tables, is_before_sale
from jobs.demo_world.population import Pairs, Profile, build_pairs, constant, profile_at

_INTENT_MEMORY, _INTENT_SD = 0.98, 0.40
_DRIFT_MEMORY = 0.95
_ON, _PAUSED, _AWAY = 0, 1, 2
_PAUSE, _LEAVE, _RESUME, _COME_BACK = 0.024, 0.0015, 0.11, 0.010
_PAIR_RESUME = 0.11
_LARGEST_SIGNAL = 3.0
_RESPONSE_MEMORY = 0.85
_LARGEST_RESPONSE = 1.2
_SET_UP_DAYS = 3
_DORMANT_AFTER_DAYS, _DORMANT = 12, 0.3
_EDITS = ("campaign_edit_count", "bid_edit_count", "budget_edit_count")
_EDIT_RATES = np.array([0.14, 0.30, 0.24])


@dataclass(frozen=True)
class Plan:
    """What one day's plans leave for later days, one entry per pair."""

    on: np.ndarray  # bool: means to advertise
    intent: Floats  # log scale
    response: Floats  # log scale: what the edits so far do to spend


class Dynamics:
    """Hidden state of all pairs of a block of advertisers; `step` moves it one day on."""

    def __init__(self, seed: int, tables: Tables, world_start: date, ids: Ints) -> None:
        self.seed, self.tables, self.world_start, self.ids = seed, tables, world_start, ids
        self.day = -BURN_IN_DAYS - 1
        self.pairs: Pairs = build_pairs(seed, ids)
        self.profile: Profile = profile_at(seed, ids, 0)
        self.edits: dict[str, Ints] = {}
        self._start_state()
        self._streams: dict[str, Keys] = {}
        self.busy = np.exp(0.5 * normal(keys(seed, "busy", self.pairs.entity)))

    def _start_state(self) -> None:
        advertisers, pairs = self.ids.size, self.pairs.entity.size
        self._mode = np.zeros(advertisers, dtype=np.int64)
        self._intent = _INTENT_SD * normal(keys(self.seed, "first intent", self.ids))
        self._pair_on = np.ones(pairs, dtype=bool)
        first_drift = normal(keys(self.seed, "first drift", self.pairs.entity))
        self.drift = constant("drift")[self.pairs.scenario] * first_drift
        self._response = np.zeros(pairs)
        self._days_on = np.zeros(pairs, dtype=np.int64)
        self._days_off = np.zeros(pairs, dtype=np.int64)
        longest = max(s.lead for s in SCENARIOS)
        nothing = Plan(np.zeros(pairs, dtype=bool), np.zeros(pairs), np.zeros(pairs))
        self._plans: deque[Plan] = deque([nothing] * (longest + 1), maxlen=longest + 1)

    def step(self) -> None:
        """Move every pair to the next day and draw that day's edits."""
        self.day += 1
        if self.day > 0 and self.day % SNAPSHOT_DAYS == 0:
            self.profile = profile_at(self.seed, self.ids, self.day // SNAPSHOT_DAYS)
        self._move_advertisers()
        self._move_pairs()
        self._draw_edits()
        intent = constant("intent")[self.pairs.scenario] * self._intent[self.pairs.advertiser]
        self._plans.append(Plan(self.plan_on, intent, self._response))

    @property
    def ds(self) -> date:
        return self.world_start + timedelta(days=self.day)

    def led_by(self) -> Plan:
        """The plan that rules today's performance: each pair's plan of `lead` days ago."""
        lead = np.array([s.lead for s in SCENARIOS])[self.pairs.scenario]
        rows = len(self._plans) - 1 - lead
        columns = np.arange(lead.size)
        fields = ("on", "intent", "response")
        return Plan(*(np.stack([getattr(plan, f) for plan in self._plans])[rows, columns] for f in fields))

    def table(self, name: str) -> Floats:
        """A scenario x category table, looked up for every pair."""
        category = self.profile.main_category[self.pairs.advertiser]
        values: Floats = getattr(self.tables, name)[self.pairs.scenario, category]
        return values

    def interest(self, signal: str) -> Floats:
        """Rate of a behaviour with plan on or off; which of them is higher differs by scenario x category."""
        half = 0.5 * np.clip(self.table(signal), -_LARGEST_SIGNAL, _LARGEST_SIGNAL)
        off = np.exp(-half) * np.where(self._days_off > _DORMANT_AFTER_DAYS, _DORMANT, 1.0)
        return self.busy * self.alive * np.where(self.plan_on, np.exp(half), off)

    def pair_uniform(self, stream: str) -> Floats:
        """Today's uniform number of every pair from a named stream."""
        return uniform(self._keys(stream, self.pairs.entity), self.day)

    def pair_normal(self, stream: str) -> Floats:
        """Today's standard normal number of every pair from a named stream."""
        return normal(self._keys(stream, self.pairs.entity), self.day)

    def _keys(self, stream: str, entities: Ints) -> Keys:
        if stream not in self._streams:
            self._streams[stream] = keys(self.seed, stream, entities)
        return self._streams[stream]

    def _move_advertisers(self) -> None:
        chance = uniform(self._keys("plans", self.ids), self.day)
        tired = np.exp(-0.9 * self._intent - 0.15 * (self.profile.business_scale - 2))
        after_on = np.where(chance < _LEAVE, _AWAY, np.where(chance < _LEAVE + _PAUSE * tired, _PAUSED, _ON))
        after_pause = np.where(chance < _RESUME, _ON, _PAUSED)
        after_away = np.where(chance < _COME_BACK, _ON, _AWAY)
        self._mode = np.choose(self._mode, [after_on, after_pause, after_away])
        noise = normal(self._keys("intent", self.ids), self.day)
        self._intent = _INTENT_MEMORY * self._intent + np.sqrt(1 - _INTENT_MEMORY**2) * _INTENT_SD * noise

    def _move_pairs(self) -> None:
        chance = self.pair_uniform("pair plans")
        star = self.profile.star_level[self.pairs.advertiser] - 3
        pauses = chance < constant("pause")[self.pairs.scenario] * np.exp(self.table("pause") - 0.1 * star)
        resumes = chance < _PAIR_RESUME * np.exp(self.table("back"))
        self._pair_on = np.where(self._pair_on, ~pauses, resumes)
        self.alive = self.day >= self.pairs.start_day
        self.plan_on = self.alive & self._pair_on & (self._mode == _ON)[self.pairs.advertiser]
        self._days_on = np.where(self.plan_on, self._days_on + 1, 0)
        self._days_off = np.where(self.plan_on | ~self.alive, 0, self._days_off + 1)
        noise = constant("drift")[self.pairs.scenario] * self.pair_normal("drift")
        self.drift = _DRIFT_MEMORY * self.drift + np.sqrt(1 - _DRIFT_MEMORY**2) * noise

    def _draw_edits(self) -> None:
        """Edits are seen in the data and move later spend: by how much depends on scenario x category."""
        setting_up = self.plan_on & (self._days_on <= _SET_UP_DAYS)
        eager = np.where(setting_up, 2.0, 1.0) * (1.6 if is_before_sale(self.ds) else 1.0)
        effect = np.zeros(self.plan_on.size)
        for name, base in zip(_EDITS, _EDIT_RATES, strict=True):
            usual = base * self.interest(name.replace("_edit_count", "_signal"))
            self.edits[name] = poisson(usual * eager, self.pair_uniform(name))
            # What an advertiser does as a habit is in its level already: only more or less than usual counts.
            surprise = np.minimum(self.edits[name], 4) - usual
            effect += self.table(name.replace("_edit_count", "_response")) * surprise
        self._response = np.clip(
            _RESPONSE_MEMORY * self._response + effect, -_LARGEST_RESPONSE, _LARGEST_RESPONSE
        )
