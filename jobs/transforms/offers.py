"""What a selected advertiser of the treatment arm is offered: a rewarded task or a push message, exactly one.

An advertiser selected in several scenarios gets one offer in each.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.transforms.reasons import FELL_BY, NO_BEHAVIOUR, has_reason
from jobs.transforms.selection import RECENT_DAYS, expected_loss

KEY = ("advertiser_id", "scenario_id", "ds")
MORE_ACTIVE_DAYS = 3


@dataclass(frozen=True)
class OfferRules:
    """Plain numbers of the settings. Money in the platform's currency, days, hours of the day."""

    task_min_value: float
    reward_rate: float
    reward_min_amount: float
    reward_max_amount: float
    valid_days: int
    send_hour: int
    message_lifetime_hours: int
    horizon_days: int


def treatable(candidates: DataFrame) -> DataFrame:
    """Selected candidates of the treatment arm, with their priority: 1 = largest expected loss of the day."""
    order = Window.partitionBy("ds").orderBy(expected_loss().desc(), "advertiser_id", "scenario_id")
    chosen = candidates.where(F.col("selected") & (F.col("arm") == "treatment"))
    return chosen.withColumn("priority", F.row_number().over(order))


def rewarded_tasks(treated: DataFrame, rules: OfferRules) -> DataFrame:
    """engagement.rewarded_task: for pairs whose recent_value is worth a reward.

    campaign_refresh (nothing edited for two weeks; target: 1 campaign), spend_target (spend fell; target:
    the money of the week before) or active_days_target (target: active days). reward_amount = reward_rate x
    recent_value, within its limits and rounded to cents.
    """
    worth = treated.where(F.col("recent_value") >= rules.task_min_value)
    kind = F.col("rewarded_task_type")
    days = F.least(F.col("recent_active_days") + MORE_ACTIVE_DAYS, F.lit(rules.horizon_days)).cast("double")
    target = F.when(kind == "spend_target", F.round("recent_value", 2)).when(
        kind == "active_days_target", days
    )
    typed = worth.withColumn("rewarded_task_type", _task_type())
    return typed.select(
        _id("rt").alias("task_id"),
        *KEY,
        "rewarded_task_type",
        target.otherwise(1.0).alias("target_value"),
        _reward(rules).alias("reward_amount"),
        F.date_add("ds", 1).alias("valid_from"),
        F.date_add("ds", rules.valid_days).alias("valid_to"),
        "priority",
        "reasons",
        "arm",
        "model_version",
    )


def push_messages(treated: DataFrame, rules: OfferRules) -> DataFrame:
    """engagement.push_message: for the pairs that get no rewarded task, sent the next day at send_hour."""
    others = treated.where(F.col("recent_value") < rules.task_min_value)
    send_after = _hours_after_midnight(24 + rules.send_hour)
    return others.select(
        _id("pm").alias("message_id"),
        *KEY,
        _template().alias("template_id"),
        F.to_json(_parameters()).alias("parameters"),
        send_after.alias("send_after"),
        _hours_after_midnight(24 + rules.send_hour + rules.message_lifetime_hours).alias("expires_at"),
        "priority",
        "reasons",
        "model_version",
    )


def _task_type() -> Column:
    refresh = F.when(has_reason(NO_BEHAVIOUR), "campaign_refresh")
    return refresh.when(has_reason(FELL_BY), "spend_target").otherwise("active_days_target")


def _template() -> Column:
    gone = F.when(F.col("days_since_active") >= RECENT_DAYS, "come_back")
    return gone.when(has_reason(NO_BEHAVIOUR), "refresh_campaign").otherwise("stay_active")


def _reward(rules: OfferRules) -> Column:
    amount = F.greatest(F.lit(rules.reward_min_amount), F.col("recent_value") * rules.reward_rate)
    return F.round(F.least(F.lit(rules.reward_max_amount), amount), 2)


def _id(prefix: str) -> Column:
    """Derived from the key alone, so a rerun gives the same id."""
    key = F.concat_ws("|", F.col("advertiser_id"), F.col("scenario_id"), F.col("ds").cast("string"))
    return F.concat(F.lit(f"{prefix}_"), F.substring(F.sha2(key, 256), 1, 32))


def _parameters() -> Column:
    """The message's blanks, in a fixed order; money and rates are rounded so that the text is stable."""
    return F.struct(
        F.col("scenario_id"),
        F.col("days_since_active"),
        F.col("recent_active_days"),
        F.round("recent_value", 2).alias("recent_value"),
    )


def _hours_after_midnight(hours: int) -> Column:
    return F.timestamp_add("HOUR", F.lit(hours), F.col("ds").cast("timestamp"))
