"""Which scored pairs are low-active and worth an offer, in which order, in which arm, and why.

Simple rules: eligible, predicted to be active on few days, worth something before; the largest expected
losses first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from jobs.transforms.reasons import FELL_BY, NO_BEHAVIOUR

KEY = ("advertiser_id", "scenario_id", "ds")
MODEL = ("model_version", "model_sha256")
RECENT_DAYS = 7
UNTOUCHED_DAYS = 14
NOTICEABLE_FALL = 0.3
"""A recent week this share below the weeks before it is given as a reason."""


@dataclass(frozen=True)
class SelectionRules:
    """Plain numbers of the settings. Shares in [0, 1], money in the platform's currency, days."""

    horizon_days: int
    history_days: int
    max_active_rate: float
    min_recent_value: float
    max_per_scenario: int
    holdout_share: float
    holdout_salt: str


def recent_activity(
    sequences: DataFrame, active: str, value: str, behaviours: Sequence[str], rules: SelectionRules
) -> DataFrame:
    """One row per pair and day: what its sequences (arrays, oldest day first) say about the days just gone.

    recent_value: `value` summed over the horizon_days that end with the pair's last active day, so a pair
    that went quiet is measured by the week before its lull; 0 when it was never active. value_fell_by: how
    far the last horizon_days lie below the same number of average days before them, in [0, 1]; null when
    there was nothing before.
    """
    newest_first = F.reverse(active)
    # array_position is 1 for the newest day and 0 when no day was active.
    since = F.array_position(F.transform(newest_first, lambda x: x > 0), True) - 1
    quiet = F.when(since < 0, F.size(active)).otherwise(since).cast("int")
    last = _sum(_newest(value, rules.horizon_days))
    before = (
        (_sum(F.col(value)) - last) / max(rules.history_days - rules.horizon_days, 1) * rules.horizon_days
    )
    untouched = [_sum(_newest(name, UNTOUCHED_DAYS)) == 0 for name in behaviours]
    return sequences.select(
        *KEY,
        quiet.alias("days_since_active"),
        F.size(F.filter(_newest(active, RECENT_DAYS), lambda x: x > 0)).alias("recent_active_days"),
        _sum(F.slice(F.reverse(value), quiet + 1, rules.horizon_days)).alias("recent_value"),
        F.when(before > 0, F.greatest(1 - last / before, F.lit(0.0))).alias("value_fell_by"),
        *[_sum(_newest(name, RECENT_DAYS)).alias(f"recent_{name}") for name in behaviours],
        F.array_min(F.array(*untouched)).alias("untouched"),
    )


def choose(
    scores: DataFrame,
    activity: DataFrame,
    value_task: str | None,
    behaviours: Sequence[str],
    rules: SelectionRules,
) -> DataFrame:
    """engagement.candidates: every scored pair, selected or not, with reasons.

    A pair qualifies when it is eligible, predicted_active_rate and recent_value are within the rules.
    Qualifying pairs are ranked within scenario and day by expected loss = recent_value x (1 -
    predicted_active_rate), ties by advertiser_id; the first max_per_scenario are selected.
    """
    value = F.col(f"predicted_{value_task}") if value_task else F.lit(None).cast("double")
    known = scores.withColumn("predicted_expenditure", value).join(activity, on=list(KEY), how="left")
    known = known.fillna(
        {"recent_value": 0.0, "recent_active_days": 0, "days_since_active": rules.history_days}
    )
    judged = known.withColumn("qualifies", _qualifies(rules)).withColumn("place", _place())
    judged = judged.withColumn("selected", F.col("qualifies") & (F.col("place") <= rules.max_per_scenario))
    return judged.select(
        *KEY,
        "eligible",
        "predicted_active_rate",
        "predicted_expenditure",
        "recent_active_days",
        "recent_value",
        "days_since_active",
        "selected",
        F.when(F.col("selected"), _why(behaviours, rules)).otherwise(_why_not(rules)).alias("reasons"),
        F.when(F.col("selected"), F.col("place")).alias("rank"),
        F.when(F.col("selected"), arm(rules)).alias("arm"),
        *MODEL,
    )


def expected_loss() -> Column:
    """What is likely lost when nothing is done, in money per horizon_days."""
    return F.col("recent_value") * (1 - F.col("predicted_active_rate"))


def arm(rules: SelectionRules) -> Column:
    """'control' for a fixed share of advertisers, 'treatment' for the others.

    By SHA-256 of salt and advertiser_id alone: an advertiser keeps its arm over days, scenarios and engines.
    """
    digest = F.sha2(F.concat_ws("|", F.lit(rules.holdout_salt), F.col("advertiser_id")), 256)
    position = F.conv(F.substring(digest, 1, 8), 16, 10).cast("double") / 2**32
    return F.when(position < rules.holdout_share, "control").otherwise("treatment")


def _qualifies(rules: SelectionRules) -> Column:
    low_active = F.col("predicted_active_rate") <= rules.max_active_rate
    return F.col("eligible") & low_active & (F.col("recent_value") >= rules.min_recent_value)


def _place() -> Column:
    order = Window.partitionBy("ds", "scenario_id", "qualifies").orderBy(
        expected_loss().desc(), "advertiser_id"
    )
    return F.row_number().over(order)


def _why(behaviours: Sequence[str], rules: SelectionRules) -> Column:
    rate, days = F.col("predicted_active_rate"), F.col("days_since_active")
    idle = [F.when(F.col(f"recent_{name}") == 0, F.lit(f"recent_{name}=0")) for name in behaviours]
    return F.array_compact(
        F.array(
            F.format_string(f"predicted_active_rate=%.3f<={rules.max_active_rate:.3f}", rate),
            F.format_string("recent_value=%.2f", F.col("recent_value")),
            F.when(days > 0, F.format_string("days_since_active=%d", days)),
            F.when(
                F.col("value_fell_by") >= NOTICEABLE_FALL,
                F.format_string(f"{FELL_BY}=%.2f", F.col("value_fell_by")),
            ),
            *idle,
            F.when(F.col("untouched"), F.lit(f"{NO_BEHAVIOUR}={UNTOUCHED_DAYS}")),
        )
    )


def _why_not(rules: SelectionRules) -> Column:
    rate, value = F.col("predicted_active_rate"), F.col("recent_value")
    high = F.format_string(f"predicted_active_rate=%.3f>{rules.max_active_rate:.3f}", rate)
    small = F.format_string(f"recent_value=%.2f<{rules.min_recent_value:.2f}", value)
    return F.array_compact(
        F.array(
            F.when(~F.col("eligible"), "not_eligible"),
            F.when(rate > rules.max_active_rate, high),
            F.when(value < rules.min_recent_value, small),
            F.when(F.col("qualifies"), F.format_string(f"place=%d>{rules.max_per_scenario}", F.col("place"))),
        )
    )


def _newest(name: str, days: int) -> Column:
    """The last `days` values, newest first; all of them when there are fewer."""
    return F.slice(F.reverse(name), 1, days)


def _sum(values: Column) -> Column:
    return F.aggregate(values, F.lit(0.0), lambda total, x: total + x.cast("double"))
