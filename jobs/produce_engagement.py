"""Give every selected candidate of the treatment arm one offer: a rewarded task or a push message.

Reads engagement.candidates; replaces the days in engagement.rewarded_task and engagement.push_message. The
days are withdrawn from the consumers' views until publish passes them again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.ddl import create_table
from jobs.common.job import JobContext, run_job
from jobs.common.publication import withdraw_days
from jobs.common.settings import Settings
from jobs.common.side_by_side import side_by_side
from jobs.select_candidates import CANDIDATES
from jobs.transforms.offers import OfferRules, push_messages, rewarded_tasks, treatable

REWARDED_TASK = "engagement.rewarded_task"
PUSH_MESSAGE = "engagement.push_message"


def produce(context: JobContext) -> None:
    """Replace the range's offers in both tables."""
    warehouse, days, rules = (
        context.warehouse,
        (context.start_ds, context.end_ds),
        offer_rules(context.settings),
    )
    candidates = warehouse.read_days(CANDIDATES, *days)
    treated = treatable(candidates)
    withdraw_days(warehouse, *days)

    def replace(table: str, offers: DataFrame) -> int:
        create_table(warehouse, table, context.settings)
        warehouse.replace_days(offers, table, *days)
        return warehouse.read_days(table, *days).count()

    written = side_by_side(
        context.spark,
        lambda: replace(REWARDED_TASK, rewarded_tasks(treated, rules)),
        lambda: replace(PUSH_MESSAGE, push_messages(treated, rules)),
    )
    context.counts.rows_in = candidates.where(F.col("selected")).count()
    context.counts.rows_out = sum(written)


def offer_rules(settings: Settings) -> OfferRules:
    """The numbers of settings.engagement as the transform takes them."""
    rules = settings.engagement
    return OfferRules(
        task_min_value=rules.rewarded_task_min_expenditure,
        reward_rate=rules.reward_rate,
        reward_min_amount=rules.reward_min_amount,
        reward_max_amount=rules.reward_max_amount,
        valid_days=rules.valid_days,
        send_hour=rules.send_hour,
        message_lifetime_hours=rules.message_lifetime_hours,
        horizon_days=settings.horizon_days,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    return run_job("produce_engagement", produce, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
