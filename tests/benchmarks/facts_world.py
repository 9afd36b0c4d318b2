"""Made-up facts of any size, as the Delta tables that ingest leaves: many pairs, gaps, dormant pairs, a large scenario.

Not the demo world: that one is made for its law, this one to be written in seconds for millions of pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import write_deltalake
from numpy.typing import NDArray

from jobs.common.settings import Settings, load_settings

FIRST_DAY = date(2026, 1, 1)
SCENARIOS = ("sponsored_search", "display", "news_feed", "brand_search", "star_shop")
CATEGORIES = ("clothing", "food", "home", "phones", "sports", "toys", "beauty", "books")
PAIRS_OF_AN_ADVERTISER = 2


def day_of(number: int) -> date:
    """Day `number` of the world, from 0."""
    return FIRST_DAY + timedelta(days=number)


def write_facts(root: Path, pairs: int, days: int, density: float = 0.3, seed: int = 1) -> Path:
    """facts.* below `root`: pairs over days, each pair active on a share of `density` of them on average.

    Shares differ: a quarter of the pairs is dormant after its first days, others are active nearly every day.
    """
    settings = load_settings()
    write_deltalake(str(root / "facts/scenario"), _scenarios())
    advertisers = -(-pairs // PAIRS_OF_AN_ADVERTISER)
    write_deltalake(str(root / "facts/advertiser_profile"), _profiles(advertisers), partition_by=["ds"])
    batches = _batches(settings, pairs, days, density, seed)
    first = next(batches)
    reader = pa.RecordBatchReader.from_batches(first.schema, _chain(first, batches))
    write_deltalake(str(root / "facts/advertiser_daily"), reader, partition_by=["ds"])
    write_deltalake(str(root / "facts/pairs"), _first_days(pairs))
    return root


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _scenarios() -> pa.Table:
    launched = pa.array([None] * len(SCENARIOS), pa.date32())
    return pa.table({"scenario_id": SCENARIOS, "scenario_type": SCENARIOS, "launched_on": launched})


def _profiles(advertisers: int) -> pa.Table:
    number = np.arange(advertisers)
    return pa.table(
        {
            "advertiser_id": _ids(number),
            "ds": pa.array([FIRST_DAY] * advertisers, pa.date32()),
            "business_scale": (number * 7 % 5).astype(np.int32),
            "main_category": pa.array(CATEGORIES).take(pa.array(number % 31 % len(CATEGORIES))),
            "star_level": (number * 3 % 11 % 5).astype(np.int32),
        }
    )


def _ids(number: NDArray[np.int64]) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(number).cast(pa.string()), 9, "0")
    return pc.binary_join_element_wise("adv", digits, "")


def _scenario_of(pair: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of an advertiser's two pairs the first is in the largest scenario, the other in one of the rest."""
    return np.where(pair % 2 == 0, 0, 1 + pair // 2 % 17 % (len(SCENARIOS) - 1))


def _keys(pair: NDArray[np.int64]) -> dict[str, pa.Array]:
    return {
        "advertiser_id": _ids(pair // PAIRS_OF_AN_ADVERTISER),
        "scenario_id": pa.array(SCENARIOS).take(pa.array(_scenario_of(pair))),
    }


def _first_days(pairs: int) -> pa.Table:
    first = pa.array([FIRST_DAY] * pairs, pa.date32())
    return pa.table({**_keys(np.arange(pairs)), "first_ds": first})


def _batches(
    settings: Settings, pairs: int, days: int, density: float, seed: int
) -> Iterator[pa.RecordBatch]:
    shares = np.clip(np.array([0.0, 0.3, 1.2, 2.5]) * density, 0, 1)
    for day in range(days):
        draw = np.random.default_rng([seed, day])
        active = draw.random(pairs) < shares[np.arange(pairs) * 13 % 4]
        pair = np.flatnonzero(active | (day == 0))
        columns: dict[str, pa.Array] = _keys(pair)
        columns["ds"] = pa.array([day_of(day)] * len(pair), pa.date32())
        for name, kind in settings.columns.daily.items():
            count = draw.integers(0, 2000, len(pair)) * (draw.random(len(pair)) < 0.7)
            columns[name] = pa.array(count if kind == "long" else count / 7.0)
        columns["ingested_at"] = pa.nulls(len(pair), pa.timestamp("us", "UTC"))
        yield pa.RecordBatch.from_pydict(columns)
