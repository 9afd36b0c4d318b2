"""Whatever the facts: a range is its days, each day is the plain Python reference, and no day sees the future."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql.pandas.types import to_arrow_schema

from jobs.common.settings import load_settings
from jobs.transforms.sequence_arrays import emit_partition
from jobs.transforms.sequence_plan import SequencePlan
from jobs.transforms.sequences import sequence_schema
from tests.jobs import worlds
from tests.jobs.reference import DAILY, Facts, Snapshots, reference_labels, reference_row

T, TAU = 10, 3
SETTINGS = load_settings().model_copy(update={"history_days": T, "horizon_days": TAU})
ROUNDED = ("expenditure", "gmv", "roi", "advertiser_window_sums")
Key = tuple[str, str, date]


def build(facts: Facts, known: Snapshots, days: Collection[date], labels: bool = False) -> dict[Key, Any]:
    """Rows by key, as the workers make them."""
    plan = SequencePlan.of(SETTINGS, list(days), labels)
    batches = iter(worlds.flat_batches(facts, known, plan))
    known_scenarios = worlds.scenario_rows(plan)
    schema = to_arrow_schema(sequence_schema(SETTINGS, ["scenario_type"], labels))
    found = emit_partition(batches, plan, known_scenarios, schema)
    rows = [row for batch in found for row in batch.to_pylist()]
    keyed = {(row["advertiser_id"], row["scenario_id"], row["ds"]): row for row in rows}
    if len(keyed) != len(rows):
        raise ValueError(f"{len(rows)} rows, {len(keyed)} keys")
    return keyed


def close(found: Any, expected: Any) -> bool:
    """Equal, and for sums of money to float32."""
    return all(abs(a - b) <= 1e-6 * abs(b) for a, b in zip(found, expected, strict=True))


def assert_is_reference(row: dict[str, Any], facts: Facts, known: Snapshots) -> None:
    expected = reference_row(facts, known, row["advertiser_id"], row["scenario_id"], row["ds"], T)
    for name in (*DAILY, "roi", "advertiser_window_sums"):
        assert close(row[name], expected[name]), name
    assert row["eligible"] == expected["eligible"]
    profile = expected["profile"] or dict.fromkeys(worlds.PROFILE)
    assert {name: row[name] for name in worlds.PROFILE} == profile


@settings(max_examples=150, deadline=None)
@given(worlds.facts, worlds.snapshots, worlds.end_days)
def test_a_range_is_its_days_and_each_is_the_reference(
    facts: Facts, known: Snapshots, days: list[date]
) -> None:
    together = build(facts, known, days)
    alone = [build(facts, known, [ds]) for ds in days]
    assert together == {key: row for rows in alone for key, row in rows.items()}
    first = worlds.first_days(facts)
    assert set(together) == {(a, s, ds) for (a, s), seen in first.items() for ds in days if seen <= ds}
    for row in together.values():
        assert_is_reference(row, facts, known)


@settings(max_examples=100, deadline=None)
@given(worlds.facts, worlds.snapshots, worlds.end_days)
def test_samples_are_the_eligible_rows_with_the_labels_of_the_reference(
    facts: Facts, known: Snapshots, days: list[date]
) -> None:
    sequences, samples = build(facts, known, days), build(facts, known, days, labels=True)
    assert set(samples) == {key for key, row in sequences.items() if row["eligible"]}
    for key, row in samples.items():
        labels = reference_labels(facts, *key, TAU)
        assert all(close([row[f"label_{name}"]], [value]) for name, value in labels.items())
        assert {name: row[name] for name in sequences[key]} == sequences[key]


@settings(max_examples=150, deadline=None)
@given(worlds.facts, worlds.facts, worlds.snapshots, worlds.snapshots, worlds.end_days, st.integers(0, 29))
def test_what_happens_after_a_day_changes_nothing_of_it(
    facts: Facts, other: Facts, known: Snapshots, later: Snapshots, days: list[date], last: int
) -> None:
    ds = worlds.FIRST + timedelta(days=last)
    days = [*days, ds]
    # The future of ds is replaced by another: facts changed, added and removed.
    changed = {
        **{k: v for k, v in facts.items() if k[2] <= ds},
        **{k: v for k, v in other.items() if k[2] > ds},
    }
    profiles = {
        a: {day: found for day, found in known.get(a, {}).items() if day <= ds}
        | {day: found for day, found in later.get(a, {}).items() if day > ds}
        for a in worlds.ADVERTISERS
    }
    assert of_day(build(changed, profiles, days), ds) == of_day(build(facts, known, days), ds)
    past = ds - timedelta(days=TAU)  # its labels end with ds
    assert of_day(build(changed, profiles, [*days, past], True), past) == of_day(
        build(facts, known, [*days, past], True), past
    )


def of_day(rows: dict[Key, Any], ds: date) -> dict[Key, Any]:
    return {key: row for key, row in rows.items() if key[2] == ds}
