"""Random small worlds for Hypothesis: facts with gaps and zero rows, profile snapshots, both as rows of tables."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from jobs.common.settings_sections import SCENARIO_LEVELS
from jobs.transforms.sequence_arrays import FACT, SEEN, SNAPSHOT
from jobs.transforms.sequence_plan import SequencePlan, day_number
from tests.jobs.reference import BEHAVIOURS, DAILY, Facts, Snapshots

FIRST, WORLD_DAYS = date(2026, 1, 1), 30
ADVERTISERS, SCENARIOS = ("a1", "a2", "a3"), ("search", "feed", "shop")
PROFILE = ("business_scale", "main_category", "star_level")

day = st.integers(0, WORLD_DAYS - 1).map(lambda offset: FIRST + timedelta(days=offset))
counts = st.integers(0, 3) | st.integers(0, 10_000_000)
money = st.just(0.0) | st.integers(1, 1_000_000_000).map(lambda cents: cents / 100)
values = st.fixed_dictionaries(
    {**dict.fromkeys((*BEHAVIOURS, "impressions", "clicks"), counts), "expenditure": money, "gmv": money}
)
keys = st.tuples(st.sampled_from(ADVERTISERS), st.sampled_from(SCENARIOS), day)
facts = st.dictionaries(keys, values, min_size=1, max_size=40)
profile = st.fixed_dictionaries(
    {
        "business_scale": st.none() | st.integers(0, 5),
        "main_category": st.none() | st.sampled_from(("shoes", "food")),
        "star_level": st.integers(0, 5),
    }
)
snapshots = st.dictionaries(st.sampled_from(ADVERTISERS), st.dictionaries(day, profile, max_size=4))
end_days = st.lists(day, min_size=1, max_size=8, unique=True)


def first_days(of: Facts) -> dict[tuple[str, str], date]:
    """The first day of each pair."""
    first: dict[tuple[str, str], date] = {}
    for advertiser, scenario, ds in of:
        first[advertiser, scenario] = min(ds, first.get((advertiser, scenario), ds))
    return first


def flat_batches(of: Facts, known: Snapshots, plan: SequencePlan, rows: int = 7) -> list[pa.RecordBatch]:
    """Facts, first days and snapshots as one stream of flat rows, in small batches (see sequences.flat_rows)."""
    stream: list[dict[str, Any]] = [
        {"kind": FACT, "advertiser_id": a, "scenario_id": s, "day": day_number(ds), **found}
        for (a, s, ds), found in of.items()
    ]
    stream += [
        {"kind": SEEN, "advertiser_id": a, "scenario_id": s, "day": day_number(ds)}
        for (a, s), ds in first_days(of).items()
    ]
    stream += [
        {"kind": SNAPSHOT, "advertiser_id": a, "day": day_number(ds), **found}
        for a, of_days in known.items()
        for ds, found in of_days.items()
    ]
    return pa.Table.from_pylist(stream, schema=_schema(plan)).to_batches(max_chunksize=rows)


def scenario_rows(plan: SequencePlan) -> pa.Table:
    """Attribute and levels of every scenario as of each end day."""
    keys = [(scenario, end_day) for scenario in SCENARIOS for end_day in plan.end_days]
    columns: dict[str, Any] = {"scenario_id": [s for s, _ in keys], "day": [d for _, d in keys]}
    columns["scenario_type"] = columns["scenario_id"]
    return pa.table({**columns, **{name: pa.array([1] * len(keys), pa.int32()) for name in SCENARIO_LEVELS}})


def _schema(plan: SequencePlan) -> pa.Schema:
    types = {"kind": pa.int8(), "advertiser_id": pa.string(), "scenario_id": pa.string(), "day": pa.int32()}
    types |= dict.fromkeys(DAILY, pa.float64())
    types |= dict(zip(PROFILE, (pa.int32(), pa.string(), pa.int32()), strict=True))
    return pa.schema(types)
