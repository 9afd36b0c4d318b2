"""features.sequences -> scores.advertiser_scores: every pair, scored by the champion (or --model-version).

The version is looked up once, at the start; each row carries it together with the bundle's SHA-256. Days that were
scored before from the same sequences by the same model are left as they are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.arguments import as_name
from jobs.common.check_results import forget_verdicts
from jobs.common.ddl import create_table
from jobs.common.fitting_bundle import find_bundle
from jobs.common.freshness import forget_built, record_built
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.model_registry import CHAMPION, RegisteredBundle
from jobs.common.prediction_columns import prediction_columns
from jobs.common.publication import withdraw_days
from jobs.common.score_files import reading_conf, scored_files
from jobs.common.scored_days import SCORES, SEQUENCES, score_inputs, scored_already
from jobs.common.session import session_conf
from jobs.common.settings import Settings
from jobs.common.warehouse import day_ranges
from jobs.common.worker_errors import refusals_of_workers
from jobs.common.worker_scorer import WorkerScorer
from jobs.transforms.week_before import days_of


def score(context: JobContext) -> None:
    """Replace the days of scores.advertiser_scores that are not there already from the same inputs."""
    warehouse, settings = context.warehouse, context.settings
    wanted = context.args.model_version or CHAMPION
    registered, bundle = find_bundle(warehouse, settings, wanted, warehouse.read(SEQUENCES).columns)
    inputs = score_inputs(warehouse, registered, settings)
    days = _days_to_score(context, registered, inputs)
    if days:
        _score_days(context, registered, days, wide=bundle.model.in_segments)
        for start, end in day_ranges(days):
            known = {day: inputs[day] for day in days if start <= day <= end and day in inputs}
            record_built(warehouse, SCORES, known, start, end)
    context.counts.rows_out = warehouse.read_days(SCORES, context.start_ds, context.end_ds).count()


def _days_to_score(
    context: JobContext, registered: RegisteredBundle, inputs: Mapping[date, str]
) -> list[date]:
    """The days of the run, but for those that would only be computed again; says which these are."""
    days = days_of(context.start_ds, context.end_ds)
    if context.args.again:
        return days
    same = scored_already(context.warehouse, inputs, days, registered)
    if same:
        print(
            f"score_advertisers: {len(same)} of {len(days)} days are scored already, from the same sequences by the "
            "same model; --again scores them all the same",
            file=sys.stderr,
        )
    return [day for day in days if day not in same]


def _score_days(context: JobContext, registered: RegisteredBundle, days: list[date], wide: bool) -> None:
    spark, settings, warehouse = context.spark, context.settings, context.warehouse
    ranges = day_ranges(days)
    sequences = warehouse.read_ranges(SEQUENCES, ranges)
    held = {row["ds"] for row in sequences.select("ds").distinct().collect()}
    lacking = [day for day in days if day not in held]
    if lacking:  # retention may have taken them; their scores, which are kept longer, are not to go as well
        raise DataCheckError(
            f"{SEQUENCES} has no row for {', '.join(map(str, lacking))}; run build_sequences first"
        )
    files = sorted(sequences.inputFiles())
    worker = WorkerScorer.ship(spark, registered, settings, wide)
    scored = scored_files(spark, warehouse.path(SEQUENCES), files, worker, settings.task_names)
    create_table(warehouse, SCORES, settings)
    # Nothing said of the rows that go may outlive them: that consumers may read them, checks, what they came from.
    for start, end in ranges:
        withdraw_days(warehouse, start, end)
    forget_verdicts(warehouse, ["scores"], ranges)
    forget_built(warehouse, SCORES, days)
    with (
        context.step(f"score pairs, write {SCORES}", days[0], days[-1]),
        session_conf(spark, reading_conf(worker)),
        refusals_of_workers(),
    ):
        warehouse.replace_ranges(finish(scored, registered, settings, datetime.now(UTC)), SCORES, ranges)


def finish(
    scored: DataFrame, registered: RegisteredBundle, settings: Settings, scored_at: datetime
) -> DataFrame:
    """Add the active rate and where the scores come from; the columns of scores.advertiser_scores in order."""
    predicted = prediction_columns(settings.task_names)
    rate = F.col(f"predicted_{settings.active_task}") / settings.horizon_days
    return scored.select(
        "advertiser_id",
        "scenario_id",
        "ds",
        *predicted[:-1],
        rate.alias("predicted_active_rate"),
        predicted[-1],
        "eligible",
        F.lit(registered.version).alias("model_version"),
        F.lit(registered.sha256).alias("model_sha256"),
        F.lit(scored_at).alias("scored_at"),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments beyond those of every job."""
    parser.add_argument(
        "--model-version", type=as_name, metavar="N", help="registered version or alias; default: champion"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="score days too that were scored before from the same sequences by the same model",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("score_advertisers", score, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
