"""Sequences and samples against the plain Python reference, and what they may not see."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.common.settings import Settings
from jobs.transforms import sequence_arrays
from jobs.transforms.sequence_arrays import emit_partition
from jobs.transforms.sequence_plan import SequencePlan
from jobs.transforms.sequences import build_sequences, flat_rows, scenario_rows, sequence_schema
from tests.jobs.reference import DAILY, Facts, Snapshots, reference_labels, reference_row

FIRST, START, END = date(2026, 1, 1), date(2026, 2, 15), date(2026, 3, 16)
DAYS = [START + timedelta(days=d) for d in range((END - START).days + 1)]
PAIRS, WORLD_DAYS, CATEGORIES = 200, 90, ("shoes", "food", None)
SCENARIOS = [("search", "search", None), ("feed", "feed", date(2026, 1, 20)), ("shop", "shop", None)]


def random_facts(seed: int) -> Facts:
    """200 pairs over 90 days: gaps, dormant pairs, pairs that appear late, zero rows."""
    draw = random.Random(seed)
    facts: Facts = {}
    for pair in range(PAIRS):
        advertiser, scenario = f"a{pair // 2:03d}", SCENARIOS[draw.randrange(2) if pair % 2 else 2][0]
        share, first_day = draw.choice([0.02, 0.3, 0.8]), draw.choice([0, 0, 50, 70])
        for offset in range(first_day, WORLD_DAYS):
            if offset == first_day or draw.random() < share:
                facts[advertiser, scenario, FIRST + timedelta(days=offset)] = random_day(draw)
    return facts


def random_day(draw: random.Random) -> dict[str, float]:
    """Counts up to some thousands, money in cents, spend often 0."""
    counts: dict[str, float] = {name: draw.randrange(0, 5000) for name in DAILY[:6]}
    spend = draw.choice([0.0, draw.randrange(1, 10_000_000) / 100])
    return {**counts, "expenditure": spend, "gmv": draw.randrange(0, 10_000_000) / 100}


def random_snapshots(seed: int) -> Snapshots:
    """None, one or several profile snapshots per advertiser, some of them after the last day."""
    draw = random.Random(seed)
    snapshots: Snapshots = {}
    for number in range(PAIRS // 2):
        days = [FIRST + timedelta(days=draw.randrange(WORLD_DAYS)) for _ in range(draw.randrange(4))]
        profile = {day: (draw.randrange(5), draw.choice(CATEGORIES), draw.randrange(5)) for day in days}
        snapshots[f"a{number:03d}"] = {
            day: dict(zip(("business_scale", "main_category", "star_level"), values, strict=True))
            for day, values in profile.items()
        }
    return snapshots


Tables = tuple[DataFrame, DataFrame, DataFrame, DataFrame]


def tables(spark: SparkSession, facts: Facts, snapshots: Snapshots) -> Tables:
    """Facts, first days of pairs, profiles and scenarios as DataFrames."""
    daily = [(a, s, day, *(values[name] for name in DAILY)) for (a, s, day), values in facts.items()]
    random.Random(1).shuffle(daily)
    types = ", ".join(f"{name} {'double' if name in ('expenditure', 'gmv') else 'long'}" for name in DAILY)
    profile = [
        (a, day, *values.values()) for a, of_days in snapshots.items() for day, values in of_days.items()
    ]
    first: dict[tuple[str, str], date] = {}
    for advertiser, scenario, day in facts:
        first[advertiser, scenario] = min(day, first.get((advertiser, scenario), day))
    # facts.pairs may hold later days of a pair too: the smallest counts.
    pairs = [(a, s, day + timedelta(days=late)) for (a, s), day in first.items() for late in (3, 0)]
    return (
        spark.createDataFrame(daily, f"advertiser_id string, scenario_id string, ds date, {types}"),
        spark.createDataFrame(pairs, "advertiser_id string, scenario_id string, first_ds date"),
        spark.createDataFrame(
            profile, "advertiser_id string, ds date, business_scale int, main_category string, star_level int"
        ),
        spark.createDataFrame(SCENARIOS, "scenario_id string, scenario_type string, launched_on date"),
    )


def built_of(frames: Tables, settings: Settings, days: list[date], with_labels: bool = False) -> DataFrame:
    """The transform, with the scenarios' rows collected as the jobs do."""
    facts, pairs, profiles, scenarios = frames
    known = scenario_rows(facts, pairs, scenarios, settings, days).toArrow()
    return build_sequences(facts, pairs, profiles, known, settings, days, with_labels, partitions=3)


def assert_row_equals(row: Any, expected: dict[str, Any]) -> None:
    """Counts exactly, money and ratios to 1e-6 relative."""
    for name in DAILY[:6]:
        assert list(row[name]) == expected[name], name
    for name in ("expenditure", "gmv", "roi", "advertiser_window_sums"):
        assert list(row[name]) == pytest.approx(expected[name], rel=1e-6), name
    assert row["eligible"] == expected["eligible"]
    profile = expected["profile"] or dict.fromkeys(("business_scale", "main_category", "star_level"))
    assert {name: row[name] for name in profile} == profile


@pytest.fixture(scope="module")
def facts() -> Facts:
    return random_facts(seed=3)


@pytest.fixture(scope="module")
def snapshots() -> Snapshots:
    return random_snapshots(seed=4)


@pytest.fixture(scope="module")
def built(spark: SparkSession, settings: Settings, facts: Facts, snapshots: Snapshots) -> dict[Any, Any]:
    """Sequences of 30 days by key."""
    rows = built_of(tables(spark, facts, snapshots), settings, DAYS).collect()
    keyed = {(row.advertiser_id, row.scenario_id, row.ds): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def test_thirty_days_of_two_hundred_pairs_equal_the_plain_python_reference(
    built: dict[Any, Any], facts: Facts, snapshots: Snapshots
) -> None:
    pairs = sorted({(a, s) for a, s, _ in facts})
    assert len(pairs) == PAIRS and len(DAYS) == 30
    expected = {(a, s, day): reference_row(facts, snapshots, a, s, day) for a, s in pairs for day in DAYS}
    assert set(built) == {key for key, row in expected.items() if row is not None}
    for key, row in built.items():
        assert_row_equals(row, expected[key] or {})


def test_scenario_attributes_are_joined(built: dict[Any, Any]) -> None:
    attributes = {(row.scenario_id, row.scenario_type, row.launched_on) for row in built.values()}
    assert attributes == set(SCENARIOS)


def test_samples_are_the_eligible_rows_with_the_labels_of_the_next_week(
    spark: SparkSession, settings: Settings, built: dict[Any, Any], facts: Facts, snapshots: Snapshots
) -> None:
    frames = tables(spark, facts, snapshots)
    samples = built_of(frames, settings, DAYS[::4], with_labels=True).collect()
    wanted = {key for key, row in built.items() if row.eligible and key[2] in DAYS[::4]}
    assert {(row.advertiser_id, row.scenario_id, row.ds) for row in samples} == wanted
    for row in samples:
        sequence = built[row.advertiser_id, row.scenario_id, row.ds]
        assert all(row[name] == sequence[name] for name in sequence.asDict())
        expected = reference_labels(facts, row.advertiser_id, row.scenario_id, row.ds)
        assert {name: row[f"label_{name}"] for name in expected} == pytest.approx(expected, rel=1e-6)


def test_facts_and_profiles_after_the_day_change_nothing(
    spark: SparkSession, settings: Settings, built: dict[Any, Any], facts: Facts, snapshots: Snapshots
) -> None:
    day = START + timedelta(days=9)
    past = {key: values for key, values in facts.items() if key[2] <= day}
    known = {a: {d: p for d, p in of_days.items() if d <= day} for a, of_days in snapshots.items()}
    rows = built_of(tables(spark, past, known), settings, [day]).collect()
    assert {(row.advertiser_id, row.scenario_id, row.ds): row for row in rows} == {
        key: row for key, row in built.items() if key[2] == day
    }


@pytest.mark.parametrize("values_at_once", [1, 8 * 69 * 7])
def test_a_partition_is_worked_off_in_blocks_of_whole_advertisers(
    spark: SparkSession,
    settings: Settings,
    facts: Facts,
    snapshots: Snapshots,
    monkeypatch,
    values_at_once: int,
) -> None:
    plan = SequencePlan.of(settings, DAYS)
    daily, pairs, profiles, scenarios = tables(spark, facts, snapshots)
    known = scenario_rows(daily, pairs, scenarios, settings, DAYS).toArrow()
    batches = flat_rows(daily, pairs, profiles, plan).toArrow().to_batches()
    schema = to_arrow_schema(sequence_schema(settings, ["scenario_type", "launched_on"]))

    def rows() -> list[dict[str, Any]]:
        found = [
            row for batch in emit_partition(iter(batches), plan, known, schema) for row in batch.to_pylist()
        ]
        return sorted(found, key=lambda row: (row["advertiser_id"], row["scenario_id"], row["ds"]))

    whole = rows()
    monkeypatch.setattr(sequence_arrays, "BLOCK_VALUES", values_at_once)
    assert len(whole) > 1000 and rows() == whole
