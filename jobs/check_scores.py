"""Check the scores of a day range before anyone is selected from them.

Reads scores.advertiser_scores and features.sequences; writes ops.check_results and the Data Docs below
REPORT/data_docs/scores. Ends with status 3 when a promise is broken.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta

from jobs.check_sequences import Figures
from jobs.common.arguments import add_report_argument
from jobs.common.check_results import refuse_failures, write_verdicts
from jobs.common.expectations import Promise, at_least, at_most, preload, validate
from jobs.common.job import JobContext, run_job
from jobs.common.settings import Settings
from jobs.common.side_by_side import side_by_side
from jobs.common.warehouse import days_between
from jobs.transforms.daily_profile import match_pairs, profile_scores
from jobs.transforms.week_before import WEEK_DAYS, days_of, over_mean


def promises(settings: Settings) -> list[Promise]:
    """The suite: what must hold for every day of scores."""
    limit = settings.checks.max_predicted_over_recent
    days, active = settings.horizon_days, f"predicted_{settings.active_task}"
    values: list[Promise] = []
    for name in predictions(settings):
        parts = f"{name}_p10 <= {name}_median <= {name}_p90"
        values.append(at_most(f"{name}_wrong_value", 0, f"every {name} is a finite number, not negative"))
        values.append(
            at_most(f"{name}_wrong_interval", 0, f"finite, from 0 on and in order: {parts}; or null")
        )
        values.append(at_most(f"{name}_over_last_week", limit, f"the mean {name} does not run away"))
    return [
        at_least("rows", 1, "every day has scores"),
        at_most("missing_pairs", 0, "every pair of features.sequences is scored"),
        at_most("unexpected_pairs", 0, "no pair is scored that features.sequences does not have"),
        at_most("duplicate_keys", 0, "a pair comes once a day"),
        at_most("null_keys", 0, "every row has its key"),
        at_most("wrong_active_rates", 0, "every predicted_active_rate lies in [0, 1]"),
        at_most("wrong_probabilities", 0, "every probability_active lies in [0, 1] or is null"),
        at_most(f"{active}_over_horizon", 0, f"{active}, its median, p10 and p90 are at most {days}"),
        at_most("models", 1, "one model scored the whole day"),
        at_most("missing_model", 0, "every row names its model"),
        *values,
    ]


def predictions(settings: Settings) -> list[str]:
    """The prediction columns."""
    return [f"predicted_{task}" for task in settings.task_names]


def check(context: JobContext) -> None:
    """Compare every day's figures with the promises; raises DataCheckError naming what is broken."""
    preload()
    figures = score_figures(context)
    verdicts = validate(context.spark, "scores", promises(context.settings), figures, context.args.report)
    context.counts.rows_in = int(sum(figure["rows"] for figure in figures.values()))
    context.counts.rows_out = len(verdicts)
    write_verdicts(context.warehouse, "check_scores", verdicts)
    refuse_failures(verdicts)


def score_figures(context: JobContext) -> Figures:
    """Figures of scores.advertiser_scores per day, the week before included only to compare with it."""
    settings, warehouse, start_ds, end_ds = (
        context.settings,
        context.warehouse,
        context.start_ds,
        context.end_ds,
    )
    names = predictions(settings)
    scores = warehouse.read_days("scores.advertiser_scores", start_ds - timedelta(days=WEEK_DAYS), end_ds)
    sequences = warehouse.read_days("features.sequences", start_ds, end_ds)
    profile, pairs = (
        profile_scores(scores, names, f"predicted_{settings.active_task}", settings.horizon_days),
        match_pairs(scores.where(days_between(start_ds, end_ds)), sequences),
    )
    profile_rows, pair_rows = side_by_side(context.spark, profile.collect, pairs.collect)
    found = {row["ds"]: row.asDict() for row in profile_rows}
    matched = {row["ds"]: row.asDict() for row in pair_rows}
    means = {name: {day: row[f"{name}_mean"] for day, row in found.items()} for name in names}
    empty = dict.fromkeys([*profile.columns, *pairs.columns], 0.0)
    figures: Figures = {}
    for day in days_of(start_ds, end_ds):
        drift = {f"{name}_over_last_week": over_mean(means[name], day) for name in names}
        figures[day] = {**empty, **found.get(day, {}), **matched.get(day, {}), **drift}
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    return run_job("check_scores", check, __doc__, argv, add_report_argument)


if __name__ == "__main__":
    sys.exit(main())
