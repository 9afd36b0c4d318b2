"""check_scores: a good day passes; each broken promise is found on its day and in its column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from jobs import publish
from jobs.check_scores import main
from jobs.common.check_results import write_verdicts
from jobs.common.expectations import Verdict, at_least
from jobs.common.prediction_columns import prediction_columns
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import arguments, day, keys, scores, write

PAIRS = 4
MEANS = tuple(f"predicted_{task}" for task in ("impressions", "clicks", "expenditure", "gmv", "active_days"))
DAYS = "predicted_active_days"
NAN, INFINITY = float("nan"), float("inf")
# Each day breaks one promise: the change to one pair of the day, and the figures that must tell it.
BROKEN_ROWS: dict[int, tuple[dict[str, Any], set[str]]] = {
    0: ({"predicted_gmv": float("nan")}, {"predicted_gmv_wrong_value"}),
    1: ({"predicted_clicks": -0.5}, {"predicted_clicks_wrong_value"}),
    2: ({"predicted_expenditure": None}, {"predicted_expenditure_wrong_value"}),
    3: ({"predicted_active_rate": 1.01}, {"wrong_active_rates"}),
    4: ({"predicted_active_rate": None}, {"wrong_active_rates"}),
    5: ({"model_sha256": "cd" * 32}, {"models"}),
    6: ({"model_sha256": None}, {"missing_model"}),
    7: ({"advertiser_id": "a1"}, {"duplicate_keys", "missing_pairs"}),
    8: ({"advertiser_id": "stranger"}, {"unexpected_pairs", "missing_pairs"}),
    9: ({"ds": day(10)}, {"missing_pairs"}),
    10: ({}, {"duplicate_keys"}),
    11: ({"predicted_impressions": 1000.0}, {"predicted_impressions_over_last_week"}),
    12: ({"probability_active": 1.01}, {"wrong_probabilities"}),
    13: ({"probability_active": float("nan")}, {"wrong_probabilities"}),
    14: ({"predicted_gmv_p10": 0.9}, {"predicted_gmv_wrong_interval"}),
    15: ({"predicted_gmv_p90": 0.5}, {"predicted_gmv_wrong_interval"}),
    16: ({"predicted_clicks_median": None}, {"predicted_clicks_wrong_interval"}),
    17: ({"predicted_clicks_p10": -0.1}, {"predicted_clicks_wrong_interval"}),
    18: ({"predicted_gmv": INFINITY}, {"predicted_gmv_wrong_value"}),
    19: ({"predicted_gmv": -INFINITY}, {"predicted_gmv_wrong_value"}),
    20: ({"predicted_gmv_p90": INFINITY}, {"predicted_gmv_wrong_interval"}),
    21: (
        {"predicted_gmv_median": INFINITY, "predicted_gmv_p90": INFINITY},
        {"predicted_gmv_wrong_interval"},
    ),
    22: ({"predicted_gmv_p10": -INFINITY}, {"predicted_gmv_wrong_interval"}),
    23: ({"predicted_impressions_p10": NAN}, {"predicted_impressions_wrong_interval"}),
    24: ({"predicted_impressions_median": NAN}, {"predicted_impressions_wrong_interval"}),
    25: ({"predicted_expenditure_p90": NAN}, {"predicted_expenditure_wrong_interval"}),
    26: ({DAYS: 7.01}, {f"{DAYS}_over_horizon"}),
    27: ({f"{DAYS}_p90": 7.01}, {f"{DAYS}_over_horizon"}),
    28: ({f"{DAYS}_median": 7.01, f"{DAYS}_p90": 7.0}, {f"{DAYS}_over_horizon", f"{DAYS}_wrong_interval"}),
    29: ({f"{DAYS}_p10": 7.01}, {f"{DAYS}_over_horizon", f"{DAYS}_wrong_interval"}),
    30: ({f"{DAYS}_p90": INFINITY}, {f"{DAYS}_over_horizon", f"{DAYS}_wrong_interval"}),
    31: ({"probability_active": -0.01}, {"wrong_probabilities"}),
    32: ({"probability_active": INFINITY}, {"wrong_probabilities"}),
}
FIRST, LAST = day(-1), day(max(BROKEN_ROWS))


@pytest.fixture(scope="module")
def checked(
    spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """A warehouse whose every day but the first is broken in its own way. The first has a row without a
    distribution, and one that is active on every day for sure."""
    warehouse = Warehouse(spark, str(tmp_path_factory.mktemp("checked") / "warehouse"))
    days = [day(n) for n in range(-1, max(BROKEN_ROWS) + 1)]
    rows: list[dict[str, Any]] = [{"advertiser_id": f"a{n}", "ds": ds} for ds in days for n in range(PAIRS)]
    rows[0] |= {name: None for name in prediction_columns(settings.task_names) if name not in MEANS}
    rows[1] |= {name: 7.0 for name in prediction_columns(settings.task_names) if name.startswith(DAYS)}
    rows[1] |= {"predicted_active_rate": 1.0, "probability_active": 1.0}
    for offset, (change, _) in BROKEN_ROWS.items():
        rows[(offset + 1) * PAIRS] |= change
    write(warehouse, "scores.advertiser_scores", scores(spark, settings, rows), FIRST, LAST)
    write(warehouse, "features.sequences", keys(spark, dict.fromkeys(days, PAIRS)), FIRST, LAST)
    yield warehouse


@pytest.fixture(scope="module")
def failures(checked: Warehouse) -> list[Row]:
    assert main([*arguments(checked, FIRST, LAST), "--report", f"{checked.root}/report"]) == 3
    return checked.read("ops.check_results").where("not success").collect()


@pytest.mark.parametrize(
    ("offset", "columns"), [(offset, columns) for offset, (_, columns) in BROKEN_ROWS.items()]
)
def test_a_broken_day_fails_in_its_columns_alone(failures: list[Row], offset: int, columns: set[str]) -> None:
    assert {row["column"] for row in failures if row["ds"] == day(offset)} == columns


def test_a_good_day_within_a_bad_range_keeps_its_success(failures: list[Row]) -> None:
    assert FIRST not in {row["ds"] for row in failures}


def test_a_good_day_passes_and_has_data_docs(checked: Warehouse, tmp_path: Path) -> None:
    assert main([*arguments(checked, FIRST), "--report", str(tmp_path)]) == 0
    assert (tmp_path / "data_docs/scores/index.html").is_file()


def test_the_error_names_every_broken_promise(
    checked: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(checked, day(8)), "--report", str(tmp_path)]) == 3
    assert capfd.readouterr().err.strip().splitlines()[-1] == (
        "check_scores: data check failed: suite scores, expect_column_max_to_be_between of missing_pairs "
        "on 2026-04-23: "
        "every pair of features.sequences is scored; observed 1, expected <= 0; "
        "suite scores, expect_column_max_to_be_between of unexpected_pairs on 2026-04-23: "
        "no pair is scored that features.sequences does not have; observed 1, expected <= 0"
    )


def test_a_day_without_scores_fails(
    checked: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(checked, day(-2)), "--report", str(tmp_path)]) == 3
    assert "of rows on 2026-04-13: every day has scores; observed 0" in capfd.readouterr().err


def test_a_score_beyond_its_bounds_is_named_with_its_day_and_publish_refuses_the_day(
    checked: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments(checked, day(27)), "--report", str(tmp_path)]) == 3
    assert (
        capfd.readouterr()
        .err.strip()
        .splitlines()[-1]
        .endswith(
            "of predicted_active_days_over_horizon on 2026-05-12: predicted_active_days, its median, p10 and p90 "
            "are at most 7; observed 1, expected <= 0"
        )
    )
    passed = Verdict("sequences", day(27), at_least("rows", 1, "rows"), 1.0, True)
    write_verdicts(checked, "check_sequences", [passed])
    assert publish.main(arguments(checked, day(27))) == 3
    assert "holds no passed check of suite scores for 2026-05-12; run check_scores" in capfd.readouterr().err
    assert not checked.exists("ops.published_days")
