"""What a candidate is offered: kind, target, reward, time and id."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from jobs.transforms.offers import OfferRules, push_messages, rewarded_tasks, treatable
from tests.jobs.rows import candidates

RULES = OfferRules(
    task_min_value=50.0,
    reward_rate=0.05,
    reward_min_amount=5.0,
    reward_max_amount=200.0,
    valid_days=7,
    send_hour=10,
    message_lifetime_hours=48,
    horizon_days=7,
)


def task_of(spark: SparkSession, **row: Any) -> Row:
    (task,) = rewarded_tasks(treatable(candidates(spark, [row])), RULES).collect()
    return task


def message_of(spark: SparkSession, **row: Any) -> Row:
    (message,) = push_messages(treatable(candidates(spark, [{"recent_value": 49.99} | row])), RULES).collect()
    return message


@pytest.mark.parametrize(
    ("row", "kind", "target"),
    [
        ({"reasons": ["value_fell_by=0.62"]}, "spend_target", 100.0),
        ({"reasons": ["value_fell_by=0.62", "no_behaviour_days=14"]}, "campaign_refresh", 1.0),
        ({"recent_active_days": 2}, "active_days_target", 5.0),
        ({"recent_active_days": 6}, "active_days_target", 7.0),
    ],
)
def test_the_task_fits_what_went_wrong(
    spark: SparkSession, row: dict[str, Any], kind: str, target: float
) -> None:
    task = task_of(spark, **row)
    assert (task["rewarded_task_type"], task["target_value"]) == (kind, target)


@pytest.mark.parametrize(("value", "reward"), [(50.0, 5.0), (333.33, 16.67), (1e6, 200.0)])
def test_the_reward_is_a_share_of_the_spend_within_its_limits(
    spark: SparkSession, value: float, reward: float
) -> None:
    assert task_of(spark, recent_value=value)["reward_amount"] == reward


def test_a_task_is_valid_from_the_next_day_for_a_week(spark: SparkSession) -> None:
    task = task_of(spark)
    assert (task["valid_from"], task["valid_to"]) == (date(2026, 4, 16), date(2026, 4, 22))


def test_a_message_waits_for_its_hour_and_expires(spark: SparkSession) -> None:
    text = "date_format({0}, 'yyyy-MM-dd HH:mm')"
    frame = push_messages(treatable(candidates(spark, [{"recent_value": 1.0}])), RULES)
    times = frame.selectExpr(text.format("send_after"), text.format("expires_at")).first()
    assert tuple(times or ()) == ("2026-04-16 10:00", "2026-04-18 10:00")
    assert isinstance(message_of(spark)["send_after"], datetime)


@pytest.mark.parametrize(
    ("row", "template"),
    [
        ({"days_since_active": 7}, "come_back"),
        ({"reasons": ["no_behaviour_days=14"]}, "refresh_campaign"),
        ({}, "stay_active"),
    ],
)
def test_the_template_fits_the_advertiser(spark: SparkSession, row: dict[str, Any], template: str) -> None:
    message = message_of(spark, **row)
    assert message["template_id"] == template
    blanks = {"scenario_id": "search", "recent_active_days": 2, "recent_value": 49.99}
    assert json.loads(message["parameters"]) == blanks | {
        "days_since_active": row.get("days_since_active", 3)
    }


def test_the_control_arm_and_the_unselected_get_nothing(spark: SparkSession) -> None:
    rows: list[dict[str, Any]] = [
        {"arm": "control"},
        {"advertiser_id": "a2", "selected": False, "arm": None, "rank": None},
    ]
    assert treatable(candidates(spark, rows)).count() == 0


def test_every_treated_candidate_gets_exactly_one_offer(spark: SparkSession) -> None:
    rows: list[dict[str, Any]] = [{"advertiser_id": f"a{n}", "recent_value": float(n)} for n in range(45, 56)]
    treated = treatable(candidates(spark, rows))
    tasks = [row["advertiser_id"] for row in rewarded_tasks(treated, RULES).collect()]
    messages = [row["advertiser_id"] for row in push_messages(treated, RULES).collect()]
    assert sorted(tasks + messages) == [f"a{n}" for n in range(45, 56)]
    assert "a50" in tasks


def test_priority_runs_over_all_offers_of_the_day_by_expected_loss(spark: SparkSession) -> None:
    rows: list[dict[str, Any]] = [
        {"advertiser_id": "small", "recent_value": 10.0},
        {"advertiser_id": "big", "scenario_id": "feed", "recent_value": 900.0, "predicted_active_rate": 0.3},
        {"advertiser_id": "sure", "recent_value": 700.0, "predicted_active_rate": 0.0},
    ]
    placed = {row["advertiser_id"]: row["priority"] for row in treatable(candidates(spark, rows)).collect()}
    assert placed == {"sure": 1, "big": 2, "small": 3}


def test_ids_follow_from_the_key_alone(spark: SparkSession) -> None:
    first = task_of(spark)["task_id"]
    assert first == task_of(spark, recent_value=77.0, reasons=[])["task_id"]
    assert first != task_of(spark, scenario_id="feed")["task_id"]
    assert (first[:3], message_of(spark)["message_id"]) == ("rt_", "pm_" + first[3:])
