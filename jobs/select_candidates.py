"""Select low-active advertisers from the scores of a day range, with the reasons, ranks and arms.

Reads scores.advertiser_scores and features.sequences; replaces the days in engagement.candidates. The days
are withdrawn from the consumers' views until publish passes them again.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from jobs.common.ddl import create_table
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.publication import withdraw_days
from jobs.common.settings import Settings
from jobs.transforms.selection import SelectionRules, choose, recent_activity
from jobs.transforms.week_before import days_of

CANDIDATES = "engagement.candidates"


def select(context: JobContext) -> None:
    """Replace the range's candidates; raises DataCheckError when a day has no scores."""
    settings, warehouse = context.settings, context.warehouse
    rules, behaviours = selection_rules(settings), list(settings.columns.behaviours)
    scores = warehouse.read_days("scores.advertiser_scores", context.start_ds, context.end_ds)
    sequences = warehouse.read_days("features.sequences", context.start_ds, context.end_ds)
    scored = {row["ds"]: row["count"] for row in scores.groupBy("ds").count().collect()}
    unscored = [day for day in days_of(context.start_ds, context.end_ds) if day not in scored]
    if unscored:
        raise DataCheckError(
            f"scores.advertiser_scores has no rows of {unscored[0]}; run score_advertisers first"
        )
    activity = recent_activity(
        sequences, settings.active_day_column, settings.value_column, behaviours, rules
    )
    candidates = choose(scores, activity, value_task(settings), behaviours, rules)
    create_table(warehouse, CANDIDATES, settings)
    withdraw_days(warehouse, context.start_ds, context.end_ds)
    warehouse.replace_days(candidates, CANDIDATES, context.start_ds, context.end_ds)
    context.counts.rows_in = context.counts.rows_out = sum(scored.values())


def selection_rules(settings: Settings) -> SelectionRules:
    """The numbers of settings.selection as the transform takes them."""
    rules = settings.selection
    return SelectionRules(
        horizon_days=settings.horizon_days,
        history_days=settings.history_days,
        max_active_rate=rules.max_predicted_active_rate,
        min_recent_value=rules.min_recent_expenditure,
        max_per_scenario=rules.max_candidates_per_scenario,
        holdout_share=rules.holdout_share,
        holdout_salt=rules.holdout_salt,
    )


def value_task(settings: Settings) -> str | None:
    """The task that predicts the value column, if there is one."""
    return next((task.name for task in settings.tasks if task.column == settings.value_column), None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    return run_job("select_candidates", select, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
