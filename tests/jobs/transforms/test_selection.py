"""Who is selected, in which order, in which arm, and why."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from jobs.common.settings import Settings
from jobs.transforms.selection import SelectionRules, arm, choose, recent_activity
from tests.jobs.rows import ending, flat, scores, sequences

RULES = SelectionRules(
    horizon_days=7,
    history_days=40,
    max_active_rate=0.35,
    min_recent_value=50.0,
    max_per_scenario=100,
    holdout_share=0.0,
    holdout_salt="salt",
)
BEHAVIOURS = ["login_count", "bid_edit_count"]


def activity_of(spark: SparkSession, settings: Settings, **row: Any) -> Row:
    found = recent_activity(
        sequences(spark, settings, [row]), "expenditure", "expenditure", BEHAVIOURS, RULES
    ).first()
    assert found is not None
    return found


def chosen(
    spark: SparkSession, settings: Settings, rows: list[dict[str, Any]], rules: SelectionRules = RULES
) -> dict[str, Row]:
    """Candidates by advertiser; a row holds changes to a good score and a good sequence alike."""
    key = ("advertiser_id", "scenario_id", "eligible")
    told = [{k: v for k, v in row.items() if k in key or k.startswith("predicted_")} for row in rows]
    built = [{k: v for k, v in row.items() if not k.startswith("predicted_")} for row in rows]
    activity = recent_activity(
        sequences(spark, settings, built), "expenditure", "expenditure", BEHAVIOURS, rules
    )
    candidates: DataFrame = choose(scores(spark, settings, told), activity, "expenditure", BEHAVIOURS, rules)
    return {row["advertiser_id"]: row for row in candidates.collect()}


def test_a_daily_spender_is_measured_by_its_last_week(spark: SparkSession, settings: Settings) -> None:
    row = activity_of(spark, settings, expenditure=ending(1, 2, 3, 4, 5, 6, 7))
    assert (row["days_since_active"], row["recent_active_days"], row["recent_value"]) == (0, 7, 28.0)


def test_a_quiet_advertiser_is_measured_by_the_week_before_its_lull(
    spark: SparkSession, settings: Settings
) -> None:
    row = activity_of(spark, settings, expenditure=ending(9, 1, 2, 3, 4, 5, 6, 7, *[0] * 10))
    assert (row["days_since_active"], row["recent_active_days"], row["recent_value"]) == (10, 0, 28.0)


def test_a_lull_that_began_near_the_start_of_history_takes_the_days_there_are(
    spark: SparkSession, settings: Settings
) -> None:
    row = activity_of(spark, settings, expenditure=[5.0, 6.0, *[0.0] * 38])
    assert (row["days_since_active"], row["recent_value"]) == (38, 11.0)


def test_a_pair_without_an_active_day_is_worth_nothing(spark: SparkSession, settings: Settings) -> None:
    row = activity_of(spark, settings, expenditure=flat(0))
    assert (row["days_since_active"], row["recent_value"], row["value_fell_by"]) == (40, 0.0, None)


def test_the_fall_compares_the_last_week_with_average_weeks_before(
    spark: SparkSession, settings: Settings
) -> None:
    assert activity_of(spark, settings, expenditure=ending(*[2.5] * 7, before=10))["value_fell_by"] == 0.75
    assert activity_of(spark, settings, expenditure=ending(*[20] * 7, before=10))["value_fell_by"] == 0.0


def test_selected_and_not_selected_say_why(spark: SparkSession, settings: Settings) -> None:
    found = chosen(
        spark,
        settings,
        [
            {"advertiser_id": "picked", "predicted_active_rate": 0.143},
            {
                "advertiser_id": "fading",
                "expenditure": ending(4, 0, 0, before=10),
                "login_count": ending(0, before=0),
            },
            {"advertiser_id": "active", "predicted_active_rate": 0.8},
            {"advertiser_id": "gone", "eligible": False, "expenditure": flat(0)},
        ],
    )
    assert {
        name: (row["selected"], row["rank"], row["arm"], row["reasons"]) for name, row in found.items()
    } == {
        "picked": (True, 1, "treatment", ["predicted_active_rate=0.143<=0.350", "recent_value=70.00"]),
        "fading": (
            True,
            2,
            "treatment",
            [
                "predicted_active_rate=0.100<=0.350",
                "recent_value=64.00",
                "days_since_active=2",
                "value_fell_by=0.37",
                "recent_login_count=0",
            ],
        ),
        "active": (False, None, None, ["predicted_active_rate=0.800>0.350"]),
        "gone": (False, None, None, ["not_eligible", "recent_value=0.00<50.00"]),
    }


def test_an_advertiser_that_touches_nothing_is_told_so(spark: SparkSession, settings: Settings) -> None:
    idle = {"login_count": ending(*flat(0, 14), before=1), "bid_edit_count": ending(*flat(0, 14), before=1)}
    touched = {**idle, "bid_edit_count": ending(1, *flat(0, 13))}
    found = chosen(
        spark, settings, [{"advertiser_id": "idle", **idle}, {"advertiser_id": "touched", **touched}]
    )
    assert found["idle"]["reasons"][-1] == "no_behaviour_days=14"
    assert found["touched"]["reasons"][-1] == "recent_bid_edit_count=0"


def test_the_largest_expected_loss_comes_first_and_the_cap_cuts_the_rest(
    spark: SparkSession, settings: Settings
) -> None:
    rows = [
        {"advertiser_id": "b", "predicted_active_rate": 0.1},
        {"advertiser_id": "a", "predicted_active_rate": 0.1},
        {"advertiser_id": "c", "predicted_active_rate": 0.05},
        {"advertiser_id": "d", "scenario_id": "feed", "predicted_active_rate": 0.3},
    ]
    found = chosen(spark, settings, rows, replace(RULES, max_per_scenario=2))
    assert {name: row["rank"] for name, row in found.items()} == {"c": 1, "a": 2, "b": None, "d": 1}
    assert found["b"]["reasons"] == ["place=3>2"]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (1.0, 1000), (0.1, 100)])
def test_the_holdout_has_its_share(spark: SparkSession, share: float, expected: int) -> None:
    advertisers = spark.range(1000).selectExpr("concat('adv-', id) as advertiser_id")
    arms = advertisers.select(arm(replace(RULES, holdout_share=share)).alias("arm"))
    assert arms.where("arm = 'control'").count() == pytest.approx(expected, abs=30 if 0 < share < 1 else 0)


def test_an_advertiser_keeps_its_arm_and_another_salt_draws_anew(spark: SparkSession) -> None:
    rules = replace(RULES, holdout_share=0.5)
    advertisers = spark.range(64).selectExpr("concat('adv-', id) as advertiser_id")
    both = advertisers.select(
        arm(rules).alias("x"), arm(replace(rules, holdout_salt="other")).alias("y")
    ).collect()
    digests = [hashlib.sha256(f"salt|adv-{n}".encode()).hexdigest() for n in range(64)]
    assert [row["x"] for row in both] == [
        "control" if int(d[:8], 16) < 2**31 else "treatment" for d in digests
    ]
    assert [row["x"] for row in both] != [row["y"] for row in both]
