"""Scoring with the `paper` model against the usual way, from the table's files to the written scores.

The usual way: a pandas UDF over rows in no order, the model loaded in every batch, a weight matrix of its own for every
row. It is timed on a few rows and scaled to all: what one loading takes and what a row takes are told apart by a run
that loads and scores nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import torch
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.common.model_inputs import samples_of_pandas
from jobs.common.model_registry import RegisteredBundle
from jobs.common.score_files import reading_conf, score_schema, scored_files
from jobs.common.session import session_conf
from jobs.common.settings import Settings, load_settings
from jobs.common.warehouse import Warehouse
from jobs.common.worker_scorer import WorkerScorer, forecast_columns
from jobs.score_advertisers import SEQUENCES, finish
from m2m import Bundle, Samples
from tests.benchmarks.facts_world import day_of, write_facts
from tests.benchmarks.figures import Figure
from tests.benchmarks.job_process import run_job
from tests.benchmarks.scoring_world import register_untrained
from tests.benchmarks.session import long_job_session
from tests.benchmarks.tree_clock import taken
from tests.m2m import row_by_row

COMMAND = "python -m tests.benchmarks scoring_paper"
PAIRS, USUAL_ROWS, BATCH_ROWS = 400_000, 600, 10_000
AT_ONCE = 64  # rows of which the usual way holds matrices: 20 MB each
WARM_FILES = 4  # two tasks
OUT = "scores.measured"


def measure() -> Iterator[Figure]:
    """Processor time of a row both ways, and their ratio."""
    settings = load_settings()
    with tempfile.TemporaryDirectory() as folder:
        root, day = Path(folder), day_of(settings.history_days - 1)
        write_facts(root, PAIRS, settings.history_days)
        run_job("build_sequences", root, str(day))
        bundle = register_untrained(root, settings, "paper", day)
        with long_job_session(settings) as spark:
            warehouse = Warehouse(spark, str(root))
            rows = warehouse.read_days(SEQUENCES, day, day)
            usual = _usual_seconds(warehouse, rows, bundle, settings)
            ours = _our_seconds(spark, warehouse, rows, bundle, settings)
    yield Figure("scoring_us_usual_paper", usual / PAIRS * 1e6, "us/row", COMMAND)
    yield Figure("scoring_us_paper", ours / PAIRS * 1e6, "us/row", COMMAND)
    yield Figure("scoring_speedup_paper", usual / ours, "x", COMMAND)


def _our_seconds(
    spark: SparkSession, warehouse: Warehouse, rows: DataFrame, bundle: RegisteredBundle, settings: Settings
) -> float:
    worker = WorkerScorer.ship(spark, bundle, settings, wide=True)
    path, files, tasks = warehouse.path(SEQUENCES), sorted(rows.inputFiles()), settings.task_names
    warm, scored = (scored_files(spark, path, some, worker, tasks) for some in (files[:WARM_FILES], files))
    with session_conf(spark, reading_conf(worker)):
        _write(warehouse, warm, bundle, settings)
        return taken(lambda: _write(warehouse, scored, bundle, settings)).processor_seconds


def _usual_seconds(
    warehouse: Warehouse, rows: DataFrame, bundle: RegisteredBundle, settings: Settings
) -> float:
    """Of all PAIRS rows, from USUAL_ROWS of them in one batch, and none of them in one batch."""
    # In no order, and no more rows of the table are read than are scored: the usual way is spared that.
    few = rows.limit(USUAL_ROWS).repartition(1, F.rand(seed=1)).cache()
    few.count()
    schema = score_schema(settings.task_names)
    ways = [
        few.mapInPandas(_usual_function(bundle.folder, settings.active_task, scores), schema)
        for scores in (False, True)
    ]
    for way in ways:  # once to warm up: a JVM compiles, workers import
        _write(warehouse, way, bundle, settings)
    loading, whole = (
        taken(lambda way=way: _write(warehouse, way, bundle, settings)).processor_seconds for way in ways
    )
    return loading * PAIRS / BATCH_ROWS + (whole - loading) * PAIRS / USUAL_ROWS


def _write(warehouse: Warehouse, scored: DataFrame, bundle: RegisteredBundle, settings: Settings) -> None:
    day = day_of(settings.history_days - 1)
    warehouse.replace_days(finish(scored, bundle, settings, datetime.now(UTC)), OUT, day, day)


def _usual_function(
    folder: str, active_task: str, scores: bool
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    def score(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            torch.set_num_threads(1)
            bundle = Bundle.load(folder)
            keys = batch[["advertiser_id", "scenario_id", "ds"]]
            if scores:
                predictions = _row_by_row(bundle, samples_of_pandas(batch, bundle.spec), active_task)
            else:
                names = score_schema(bundle.spec.tasks).names[3:-1]
                predictions = pd.DataFrame(0.0, index=batch.index, columns=names)
            yield pd.concat([keys, predictions, batch["eligible"]], axis=1)

    return score


@torch.inference_mode()
def _row_by_row(bundle: Bundle, samples: Samples, active_task: str) -> pd.DataFrame:
    encoded = bundle.encoder.encode(samples)
    columns = (encoded.bins, encoded.dense, encoded.knowledge)
    parts = [torch.from_numpy(part).split(AT_ONCE) for part in columns]
    raw = torch.cat([row_by_row.forward(bundle.model, *some) for some in zip(*parts, strict=True)])
    forecast = bundle.model.head.forecast(raw.numpy(), bundle.task_scales, bundle.spec, bundle.recalibration)
    return pd.DataFrame(forecast_columns(forecast, bundle.spec.tasks, active_task))
