"""A small synthetic problem: advertisers with a hidden level, pauses, and behaviours that fall before a
pause."""

from __future__ import annotations

import numpy as np

from m2m import FeatureSpec, Samples
from m2m.dense import window_sums

SPEC = FeatureSpec(
    behaviours=("login_count", "bid_edit_count"),
    performance=("impressions", "expenditure"),
    knowledge=("scenario_id", "main_category"),
    tasks=("impressions", "expenditure", "active_days"),
    history_days=14,
    horizon_days=7,
    windows_days=(1, 3, 7, 14),
    bounded_tasks={"active_days": 7.0},
    task_columns={"impressions": "impressions", "expenditure": "expenditure", "active_days": "expenditure"},
    counted_tasks=("active_days",),
)


def make_samples(rows: int, seed: int = 0, scenarios: int = 3, categories: int = 4) -> Samples:
    """`rows` labelled samples; impressions are Poisson around a level per row, expenditure is
    heavy-tailed."""
    generator = np.random.default_rng(seed)
    days = SPEC.history_days + SPEC.horizon_days
    scenario, category = generator.integers(scenarios, size=rows), generator.integers(categories, size=rows)
    level = np.exp(generator.normal(0.5 + 0.3 * scenario, 0.8, size=rows))
    pause = generator.integers(-days, 2 * days, size=rows)
    day = np.arange(days)
    quiet = (day >= pause[:, None]) & (day < pause[:, None] + 6 + 3 * category[:, None])
    soon = (day + 3 >= pause[:, None]) & (day < pause[:, None] + 6 + 3 * category[:, None])
    impressions = generator.poisson(np.where(quiet, 0.0, level[:, None]))
    expenditure = impressions * generator.lognormal(0.0, 0.6, size=impressions.shape)
    login = generator.poisson(np.where(soon, 0.2, 2.0))
    edits = generator.poisson(np.where(soon, 0.1, 0.8))
    daily = np.stack([login, edits, impressions, expenditure], axis=1).astype(np.float32)
    past, future = daily[:, :, : SPEC.history_days], daily[:, 2:, SPEC.history_days :].astype(np.float64)
    return Samples(
        sequences=past,
        advertiser_window_sums=window_sums(past, SPEC.windows_days),
        weekday=generator.integers(7, size=rows),
        knowledge={
            "scenario_id": np.char.add("s", scenario.astype(str)),
            "main_category": np.char.add("c", category.astype(str)),
        },
        labels=np.column_stack([future[:, 0].sum(1), future[:, 1].sum(1), (future[:, 1] > 0).sum(1)]),
        keys={"ds": np.array(["2026-01-0" + str(1 + row % 9) for row in range(rows)])},
    )


def last_week_again(samples: Samples) -> np.ndarray:
    """Persistence: the last 7 days' totals [N, m]."""
    week = samples.sequences[:, 2:, -7:].astype(np.float64)
    return np.column_stack([week[:, 0].sum(1), week[:, 1].sum(1), (week[:, 1] > 0).sum(1)])
