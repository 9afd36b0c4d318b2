"""A sequence row in plain Python, written from the data contract: slow, obvious, shares no code with the jobs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

BEHAVIOURS = ("login_count", "campaign_edit_count", "bid_edit_count", "budget_edit_count")
PERFORMANCE = ("impressions", "clicks", "expenditure", "gmv")
DAILY = (*BEHAVIOURS, *PERFORMANCE)
WINDOWS_DAYS = (1, 3, 7, 14, 28, 40)
Facts = dict[tuple[str, str, date], dict[str, float]]
Snapshots = dict[str, dict[date, dict[str, Any]]]


def reference_row(
    facts: Facts, snapshots: Snapshots, advertiser: str, scenario: str, ds: date, history_days: int = 40
) -> dict[str, Any] | None:
    """The row of one pair and day, None when the pair was not seen by then."""
    seen = [day for a, s, day in facts if (a, s) == (advertiser, scenario) and day <= ds]
    if not seen:
        return None
    days = [ds - timedelta(days=back) for back in range(history_days - 1, -1, -1)]
    of_days = [facts.get((advertiser, scenario, day), {}) for day in days]
    row: dict[str, Any] = {name: [values.get(name, 0) for values in of_days] for name in DAILY}
    row["roi"] = [_ratio(values.get("gmv", 0), values.get("expenditure", 0)) for values in of_days]
    row["eligible"] = any(v.get("expenditure", 0) > 0 or v.get("impressions", 0) > 0 for v in of_days)
    row["advertiser_window_sums"] = _window_sums(facts, advertiser, ds, history_days)
    known = [day for day in snapshots.get(advertiser, {}) if day <= ds]
    row["profile"] = snapshots[advertiser][max(known)] if known else None
    return row


def reference_labels(
    facts: Facts, advertiser: str, scenario: str, ds: date, horizon_days: int = 7
) -> dict[str, float]:
    """Sums over ds + 1 .. ds + horizon_days, and the number of active days among them."""
    future = [
        facts.get((advertiser, scenario, ds + timedelta(days=d)), {}) for d in range(1, horizon_days + 1)
    ]
    labels = {name: float(sum(values.get(name, 0) for values in future)) for name in PERFORMANCE}
    return {**labels, "active_days": float(sum(values.get("expenditure", 0) > 0 for values in future))}


def _window_sums(facts: Facts, advertiser: str, ds: date, history_days: int) -> list[float]:
    sums = []
    for window in WINDOWS_DAYS:
        first = ds - timedelta(days=min(window, history_days) - 1)
        rows = [values for (a, _, day), values in facts.items() if a == advertiser and first <= day <= ds]
        totals = [sum(values.get(name, 0) for values in rows) for name in DAILY]
        sums += [*totals, _ratio(totals[DAILY.index("gmv")], totals[DAILY.index("expenditure")])]
    return sums


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else 0
