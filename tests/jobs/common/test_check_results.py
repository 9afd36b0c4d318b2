"""Verdicts that are forgotten: those of the suites and days named, in one commit, or in none."""

from __future__ import annotations

import pytest
from deltalake import DeltaTable

from jobs.common.check_results import CHECK_RESULTS, forget_verdicts, passed_suites
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import day, pass_checks

BOTH = ("sequences", "scores")


def version(warehouse: Warehouse) -> int:
    return DeltaTable(warehouse.path(CHECK_RESULTS)).version()


def test_the_suites_and_days_named_are_forgotten_in_one_commit_and_the_others_count(
    warehouse: Warehouse,
) -> None:
    pass_checks(warehouse, *(day(n) for n in range(6)))
    before = version(warehouse)
    forget_verdicts(warehouse, ["scores"], [(day(1), day(2)), (day(4), day(4))])
    assert version(warehouse) == before + 1
    left = {(day(n), "sequences") for n in range(6)} | {(day(n), "scores") for n in (0, 3, 5)}
    assert passed_suites(warehouse, day(0), day(5)) == left
    forget_verdicts(warehouse, BOTH, [(day(0), day(4))])
    assert passed_suites(warehouse, day(0), day(5)) == {(day(5), suite) for suite in BOTH}


def test_there_is_no_commit_where_there_is_nothing_to_forget(warehouse: Warehouse) -> None:
    forget_verdicts(warehouse, BOTH, [(day(0), day(9))])
    assert not warehouse.exists(CHECK_RESULTS)
    pass_checks(warehouse, day(0))
    before = version(warehouse)
    forget_verdicts(warehouse, BOTH, [(day(1), day(9))])
    assert version(warehouse) == before


def test_what_is_no_suite_is_refused_before_it_reaches_sql(warehouse: Warehouse) -> None:
    with pytest.raises(
        ValueError, match=r"x' or '1 is no suite of checks; expected some of sequences, scores"
    ):
        forget_verdicts(warehouse, ["x' or '1"], [(day(0), day(0))])
