"""The first day of every pair: added, moved and removed with the facts, from the two tables alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from random import Random

import pytest
from deltalake import DeltaTable
from pyspark.sql.types import StructType

from jobs.common.pairs import FACTS, PAIRS, read_pairs, refresh_pairs
from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import KEY, day

Fact = tuple[str, int]


def set_days(warehouse: Warehouse, facts: Sequence[Fact], days: Sequence[int]) -> None:
    """Replace these days of the facts; a fact is (advertiser, day)."""
    rows = [(advertiser, "search", day(d)) for advertiser, d in facts if d in days]
    frame = small_frame(warehouse.spark, rows, StructType(KEY))
    warehouse.replace_ranges(frame, FACTS, [(day(d), day(d)) for d in days])


def found(warehouse: Warehouse) -> dict[str, date]:
    return {row.advertiser_id: row.first_ds for row in read_pairs(warehouse).collect()}


def version(warehouse: Warehouse) -> int:
    return DeltaTable(warehouse.path(PAIRS)).version()


@pytest.fixture
def seen(warehouse: Warehouse) -> Warehouse:
    """a on days 0, 2 and 4, b on day 1."""
    set_days(warehouse, [("a", 0), ("a", 2), ("a", 4), ("b", 1)], range(5))
    refresh_pairs(warehouse, [])
    assert found(warehouse) == {"a": day(0), "b": day(1)}
    return warehouse


def test_a_new_pair_is_added_and_a_known_one_costs_no_commit(seen: Warehouse) -> None:
    set_days(seen, [("a", 5), ("c", 5)], [5])
    refresh_pairs(seen, [day(5)])
    assert found(seen) == {"a": day(0), "b": day(1), "c": day(5)} and version(seen) == 1
    refresh_pairs(seen, [day(5), day(4)])
    assert version(seen) == 1


def test_a_pair_seen_earlier_than_thought_gets_the_earlier_day(seen: Warehouse) -> None:
    set_days(seen, [("a", 0), ("b", 0)], [0])
    refresh_pairs(seen, [day(0)])
    assert found(seen) == {"a": day(0), "b": day(0)}


def test_a_first_row_that_is_gone_moves_the_first_day_or_removes_the_pair(seen: Warehouse) -> None:
    set_days(seen, [], [0, 1])
    refresh_pairs(seen, [day(0), day(1)])
    assert found(seen) == {"a": day(2)} and version(seen) == 1
    set_days(seen, [("b", 1)], [1])
    refresh_pairs(seen, [day(1)])
    assert found(seen) == {"a": day(2), "b": day(1)}


def test_a_warehouse_of_before_this_table_has_the_same_pairs(seen: Warehouse, tmp_path) -> None:
    other = Warehouse(seen.spark, str(tmp_path / "other"))
    set_days(other, [("a", 0), ("b", 1)], range(2))
    assert found(other) == {"a": day(0), "b": day(1)} and not other.exists(PAIRS)


def test_after_many_replaced_days_the_pairs_are_those_of_the_facts(warehouse: Warehouse) -> None:
    random, kept = Random(4), set[Fact]()
    for _ in range(4):
        days = sorted(random.sample(range(4), 3))
        replaced = {(a, d) for a in "abcd" for d in days if random.random() < 0.3}
        kept = {fact for fact in kept if fact[1] not in days} | replaced
        set_days(warehouse, sorted(replaced), days)
        refresh_pairs(warehouse, [day(d) for d in days])
        assert found(warehouse) == {a: day(min(d for b, d in kept if b == a)) for a, _ in kept}
