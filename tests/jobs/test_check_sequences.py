"""check_sequences: a good day passes; each broken promise is found on its day and in its column."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from jobs.check_sequences import main
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.transforms.fact_rules import SUPERSEDED
from tests.jobs.rows import arguments, day, flat, keys, sequences, write

PAIRS = 10
FIRST, LAST = day(-3), day(9)
# Each day breaks one promise: the change to one pair of the day, and the figure that must tell it.
BROKEN_ROWS: dict[int, tuple[dict[str, Any], str]] = {
    0: ({"advertiser_id": "a1"}, "duplicate_keys"),
    1: ({"advertiser_id": None}, "null_keys"),
    2: ({"clicks": flat(1.0, 39)}, "clicks_wrong_length"),
    3: ({"clicks": None}, "clicks_wrong_length"),
    4: ({"gmv": [*flat(1.0, 39), float("nan")]}, "gmv_wrong_value"),
    5: ({"login_count": [-1.0, *flat(1.0, 39)]}, "login_count_wrong_value"),
    6: ({"advertiser_window_sums": [float("inf"), *flat(1.0, 53)]}, "advertiser_window_sums_wrong_value"),
    7: ({"roi": [None, *flat(1.0, 39)]}, "roi_wrong_value"),
}
NO_PROFILE_DAY, FEW_PAIRS_DAY = day(8), day(9)
FEW_FACTS_DAY, REJECTED_DAY = day(-1), day(-2)


def pairs_of(ds: date) -> list[dict[str, Any]]:
    count = 8 if ds == FEW_PAIRS_DAY else PAIRS
    rows: list[dict[str, Any]] = [{"advertiser_id": f"a{n}", "ds": ds} for n in range(count)]
    if (offset := (ds - day(0)).days) in BROKEN_ROWS:
        rows[0] |= BROKEN_ROWS[offset][0]
    if ds == NO_PROFILE_DAY:
        rows[:2] = [
            row | {"business_scale": None, "main_category": None, "star_level": None} for row in rows[:2]
        ]
    return rows


@pytest.fixture(scope="module")
def checked(
    spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """A warehouse whose every day but the first is broken in its own way."""
    warehouse = Warehouse(spark, str(tmp_path_factory.mktemp("checked") / "warehouse"))
    days = [day(n) for n in range(-3, 10)]
    write(
        warehouse,
        "features.sequences",
        sequences(spark, settings, [row for ds in days for row in pairs_of(ds)]),
        FIRST,
        LAST,
    )
    facts = dict.fromkeys(days, 20) | {FEW_FACTS_DAY: 4}
    write(warehouse, "facts.advertiser_daily", keys(spark, facts), FIRST, LAST)
    bad = keys(spark, {FIRST: 1, REJECTED_DAY: 2}).withColumn("dq_errors", F.array(F.lit("clicks_negative")))
    # Were these counted, the first day would have rejected 3 of 23 rows, more than the limit.
    old = keys(spark, {FIRST: 2}).withColumn("dq_errors", F.array(F.lit(SUPERSEDED)))
    write(warehouse, "quarantine.advertiser_daily", bad.unionByName(old), FIRST, LAST)
    yield warehouse


@pytest.fixture(scope="module")
def failures(checked: Warehouse) -> list[Row]:
    assert main([*arguments(checked, FIRST, LAST), "--report", f"{checked.root}/report"]) == 3
    return checked.read("ops.check_results").where("not success").collect()


def columns_failed(failures: list[Row], ds: date) -> list[str]:
    return [row["column"] for row in failures if row["ds"] == ds]


@pytest.mark.parametrize(
    ("offset", "column"), [(offset, column) for offset, (_, column) in BROKEN_ROWS.items()]
)
def test_a_broken_row_fails_its_day_in_its_column(failures: list[Row], offset: int, column: str) -> None:
    assert columns_failed(failures, day(offset)) == [column]


@pytest.mark.parametrize(
    ("ds", "column", "observed"),
    [
        (NO_PROFILE_DAY, "missing_profile_share", "0.2"),
        (FEW_PAIRS_DAY, "pairs_over_last_week", "0.8"),
        (FEW_FACTS_DAY, "activity_over_last_week", "0.2"),
        (REJECTED_DAY, "quarantine_share", "0.0909091"),
    ],
)
def test_a_broken_limit_fails_its_day(failures: list[Row], ds: date, column: str, observed: str) -> None:
    assert [(row["column"], row["observed"]) for row in failures if row["ds"] == ds] == [(column, observed)]


def test_a_good_day_within_a_bad_range_keeps_its_success(failures: list[Row]) -> None:
    assert columns_failed(failures, FIRST) == []


def test_a_good_day_passes_and_has_data_docs(
    checked: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(checked, FIRST), "--report", str(tmp_path)]) == 0
    assert (tmp_path / "data_docs/sequences/index.html").is_file()
    assert "check_sequences: done" in capfd.readouterr().err.strip().splitlines()[-1]


def test_the_error_names_suite_expectation_column_day_observed_and_expected(
    checked: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(checked, day(0)), "--report", str(tmp_path)]) == 3
    assert capfd.readouterr().err.strip().splitlines()[-1] == (
        "check_sequences: data check failed: suite sequences, expect_column_max_to_be_between "
        "of duplicate_keys on 2026-04-15: a pair comes once a day; observed 1, expected <= 0"
    )


def test_a_day_without_sequences_or_facts_fails(checked: Warehouse, tmp_path: Path) -> None:
    assert main([*arguments(checked, day(10)), "--report", str(tmp_path)]) == 3
    results = checked.read_days("ops.check_results", day(10), day(10)).where("not success")
    assert {row["column"] for row in results.collect()} == {
        "rows", "eligible_pairs", "pairs_over_last_week", "activity_over_last_week", "days_behind"
    }  # fmt: skip


def test_data_docs_that_cannot_be_written_do_not_fail_the_check(checked: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("in the way")
    assert main([*arguments(checked, FIRST), "--report", str(tmp_path / "report")]) == 0


def test_a_missing_table_is_told(warehouse: Warehouse, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(warehouse)) == 1
    assert "table features.sequences does not exist" in capfd.readouterr().err.strip().splitlines()[-1]
