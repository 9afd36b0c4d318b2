"""Which feature days changed facts make stale: the rule on plain figures, and the tables behind it in Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.common.freshness import FEATURE_DAYS, FeatureInputs, record_built, row_settings, stale_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.transforms.day_figures import DayFigures
from tests.jobs.rows import day, keys

TABLE = "features.sequences"
T, TAU = 7, 3
DAYS = range(-12, 25)
offsets = st.integers(0, 12)
# A fact is (pair, day) -> value; hashes of the rows stand for the fingerprints that Spark makes.
keys_of_facts = st.tuples(st.sampled_from("abc"), offsets)
facts_of_pairs = st.dictionaries(keys_of_facts, st.integers(1, 3), min_size=1, max_size=12)
# A late row, a corrected one, or (None) a deleted one.
changes_of_facts = st.dictionaries(keys_of_facts, st.none() | st.integers(1, 3), max_size=2)
Facts = Mapping[tuple[str, int], int]


def total(items: list[object]) -> DayFigures:
    return DayFigures(len(items), sum(hash(item) for item in items) % 2**64)


def first_days(facts: Facts) -> dict[str, int]:
    return {pair: min(d for p, d in facts if p == pair) for pair, _ in facts}


def inputs_of(facts: Facts, profiles: tuple[int, ...] = ()) -> FeatureInputs:
    """The inputs that a warehouse with these facts has."""
    firsts = first_days(facts)
    return FeatureInputs(
        history_days=T,
        horizon_days=TAU,
        facts={day(d): total([(k, v) for k, v in facts.items() if k[1] == d]) for _, d in facts},
        pairs={day(d): total([p for p, f in firsts.items() if f == d]) for d in firsts.values()},
        profiles={day(d): total([("profile", d)]) for d in profiles},
        constants="constants",
        label_constants="label constants",
    )


def changed(before: FeatureInputs, after: FeatureInputs, with_labels: bool = False) -> list[int]:
    return [d for d in DAYS if before.of(day(d), with_labels) != after.of(day(d), with_labels)]


@given(facts_of_pairs, changes_of_facts)
def test_a_changed_day_of_facts_and_a_moved_first_day_dirty_exactly_the_days_that_see_them(
    before: Facts, changes: Mapping[tuple[str, int], int | None]
) -> None:
    after = {key: value for key, value in {**before, **changes}.items() if value is not None}

    def of_day(facts: Facts, d: int) -> dict[str, int]:
        return {pair: value for (pair, found), value in facts.items() if found == d}

    def seen_by(facts: Facts, d: int) -> set[str]:
        return {pair for pair, first in first_days(facts).items() if first <= d}

    for with_labels, ahead in ((False, 0), (True, TAU)):
        different = [d for d in DAYS if of_day(before, d) != of_day(after, d)]
        dirty = {d + offset for d in different for offset in range(-ahead, T)}
        dirty |= {d for d in DAYS if seen_by(before, d) != seen_by(after, d)}
        expected = [d for d in DAYS if d in dirty]
        assert changed(inputs_of(before), inputs_of(after), with_labels) == expected


@given(facts_of_pairs, offsets, st.integers(4, 6))
def test_a_corrected_value_dirties_t_days_and_for_samples_tau_days_before(
    facts: Facts, at: int, value: int
) -> None:
    before = {**facts, ("a", at): 1}
    after = {**before, ("a", at): value}
    assert changed(inputs_of(before), inputs_of(after)) == list(range(at, at + T))
    assert changed(inputs_of(before), inputs_of(after), True) == list(range(at - TAU, at + T))


@given(offsets, st.integers(1, 12))
def test_a_pair_seen_earlier_dirties_the_days_up_to_where_it_was_first_seen(at: int, later: int) -> None:
    others, first = {("b", 0): 1}, at + later
    before = {**others, ("a", first): 2}
    after = {**before, ("a", at): 2}
    assert changed(inputs_of(before), inputs_of(after)) == list(range(at, max(at + T, first)))
    never = changed(inputs_of(others), inputs_of({**others, ("a", at): 2}))
    assert never == [d for d in DAYS if d >= at]


def test_a_new_snapshot_dirties_every_later_day() -> None:
    facts = {("a", 0): 1}
    assert changed(inputs_of(facts, (1,)), inputs_of(facts, (1, 5))) == [d for d in DAYS if d >= 5]


def test_a_changed_scenario_or_setting_dirties_every_day() -> None:
    before = inputs_of({("a", 0): 1})
    assert changed(before, replace(before, constants="others")) == list(DAYS)
    assert changed(before, replace(before, label_constants="others"), True) == list(DAYS)


def test_only_settings_that_decide_rows_count(settings: Settings) -> None:
    def same(with_labels: bool, **changes: object) -> bool:
        return row_settings(settings, with_labels) == row_settings(
            settings.model_copy(update=changes), with_labels
        )

    for name in ("late_days", "training", "platform", "checks"):
        assert same(True, **{name: None}), name
    assert same(False, horizon_days=8) and not same(True, horizon_days=8)
    assert not same(False, history_days=41)
    heavier = tuple(task.model_copy(update={"weight": 2.0}) for task in settings.tasks)
    assert same(True, tasks=heavier) and not same(True, tasks=heavier[1:])
    columns = settings.columns
    reordered = columns.model_copy(update={"behaviours": dict(reversed(columns.behaviours.items()))})
    assert not same(False, columns=reordered)


def test_days_built_from_other_inputs_are_stale_and_so_are_those_nothing_is_known_of(
    warehouse: Warehouse,
) -> None:
    before = inputs_of({("a", 0): 1, ("a", 9): 1})
    assert stale_days(warehouse, before, TABLE) == []
    warehouse.replace_days(keys(warehouse.spark, {day(d): 1 for d in range(10)}), TABLE, day(0), day(9))
    assert stale_days(warehouse, before, TABLE) == [day(d) for d in range(10)]
    built = {day(d): before.of(day(d)) for d in range(10)}
    record_built(warehouse, TABLE, built, day(0), day(9))
    assert stale_days(warehouse, before, TABLE) == []
    after = inputs_of({("a", 0): 2, ("a", 9): 1})
    assert stale_days(warehouse, after, TABLE) == [day(d) for d in range(7)]
    record_built(warehouse, TABLE, {day(3): after.of(day(3))}, day(3), day(4))
    assert stale_days(warehouse, after, TABLE) == [day(d) for d in (0, 1, 2, 4, 5, 6)]
    assert {row.feature_table for row in warehouse.read(FEATURE_DAYS).collect()} == {TABLE}


def test_what_was_built_is_kept_apart_by_table(warehouse: Warehouse) -> None:
    inputs = inputs_of({("a", 0): 1})
    for table in (TABLE, "features.samples"):
        with_labels = table == "features.samples"
        warehouse.replace_days(keys(warehouse.spark, {day(0): 1}), table, day(0), day(0))
        record_built(warehouse, table, {day(0): inputs.of(day(0), with_labels)}, day(0), day(0))
    assert stale_days(warehouse, inputs, TABLE) == []
    assert stale_days(warehouse, inputs, "features.samples", with_labels=True) == []
    assert stale_days(warehouse, inputs, "features.samples", with_labels=False) == [day(0)]


def test_what_is_no_table_or_no_day_of_the_range_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="is not a table name"):
        record_built(warehouse, "x' or 'a' = 'a", {}, day(0), day(0))
    with pytest.raises(
        ValueError, match=f"built days {day(2)}..{day(2)}, expected days of {day(0)}..{day(1)}"
    ):
        record_built(warehouse, TABLE, {day(2): "x"}, day(0), day(1))
