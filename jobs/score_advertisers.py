"""features.sequences -> scores.advertiser_scores: every pair, scored by the champion (or --model-version).

The version is looked up once, at the start; each row carries it together with the bundle's SHA-256.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.arguments import as_name
from jobs.common.check_results import forget_verdicts
from jobs.common.ddl import create_table
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.model_inputs import feature_spec
from jobs.common.model_registry import CHAMPION, ModelRegistry, RegisteredBundle
from jobs.common.prediction_columns import prediction_columns
from jobs.common.publication import withdraw_days
from jobs.common.score_udf import score_column, ship_bundle, with_scores
from jobs.common.settings import Settings
from m2m import Bundle

SEQUENCES, SCORES = "features.sequences", "scores.advertiser_scores"


def score(context: JobContext) -> None:
    """Replace the days of scores.advertiser_scores."""
    settings, warehouse = context.settings, context.warehouse
    rows = warehouse.read_days(SEQUENCES, context.start_ds, context.end_ds)
    if rows.isEmpty():
        raise DataCheckError(
            f"{SEQUENCES} has no row for {context.start_ds}..{context.end_ds}; run build_sequences first"
        )
    registered = _find_bundle(context, rows.columns)
    threads = int(context.spark.sparkContext.getConf().get("spark.task.cpus", "1"))
    name = ship_bundle(context.spark, registered.folder, registered.sha256)
    predictions = score_column(settings, name, registered.sha256, threads)
    # No shuffle and no sort: in the table's files a day's rows lie by knowledge key (jobs/common/tables.py), so pairs
    # with the same knowledge row come together and their meta weights are generated once.
    scored = finish(with_scores(rows, predictions), registered, settings, datetime.now(UTC))
    create_table(warehouse, SCORES, settings)
    withdraw_days(warehouse, context.start_ds, context.end_ds)
    forget_verdicts(warehouse, ["scores"], [(context.start_ds, context.end_ds)])
    with context.step(f"score pairs, write {SCORES}"):
        warehouse.replace_days(scored, SCORES, context.start_ds, context.end_ds)
    context.counts.rows_out = warehouse.read_days(SCORES, context.start_ds, context.end_ds).count()


def _find_bundle(context: JobContext, columns: Sequence[str]) -> RegisteredBundle:
    settings = context.settings
    wanted = context.args.model_version or CHAMPION
    found = ModelRegistry(settings.platform, context.warehouse.root).find(wanted)
    if found is None:
        raise ValueError(
            f"model {settings.platform} has no {wanted}; run train_model first, or name a version"
        )
    bundle = Bundle.load(found.folder, expected_sha256=found.sha256)
    bundle.require_columns(columns)
    trained_on = bundle.spec
    expected = feature_spec(settings)
    if trained_on != expected:
        raise DataCheckError(
            f"model version {found.version} was trained on {trained_on}, the settings ask for {expected}"
        )
    return found


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


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("score_advertisers", score, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
