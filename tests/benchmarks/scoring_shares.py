"""The stages of scoring, measured by leaving out the later ones, and their picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from jobs.common.model_inputs import samples_of_arrow
from jobs.common.model_registry import RegisteredBundle
from jobs.common.score_files import decoded, reading_conf, score_schema, scored_files, scored_rows
from jobs.common.session import session_conf
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.common.worker_scorer import WorkerScorer
from jobs.report.style import styled
from jobs.score_advertisers import SEQUENCES, finish
from tests.benchmarks.tree_clock import Taken, taken

PICTURE = Path("report") / "scoring.html"
Batches = Iterator[pa.RecordBatch]


def measured_stages(
    spark: SparkSession, root: Path, bundle: RegisteredBundle, settings: Settings, day: date
) -> dict[str, Taken]:
    """What reading takes; reading and Arrow's part; the model with these; and the whole job, with writing.

    Everything runs twice, and the second time counts: a JVM compiles its queries in the first.
    """
    warehouse = Warehouse(spark, str(root))
    files = warehouse.read_days(SEQUENCES, day, day).inputFiles()
    worker = WorkerScorer.ship(spark, bundle, settings)
    tasks, table = settings.task_names, warehouse.path(SEQUENCES)
    dealt = spark.read.format("binaryFile").option("basePath", table).load(files).select("path", "ds")
    scored = scored_files(spark, table, files, worker, tasks)

    def write() -> None:
        rows = finish(scored, bundle, settings, datetime.now(UTC))
        warehouse.replace_days(rows, "scores.measured", day, day)

    calls: dict[str, Callable[[], None]] = {
        "reading": lambda: _throw_away(dealt.mapInArrow(reading_only(worker), score_schema(tasks))),
        "arrow": lambda: _throw_away(dealt.mapInArrow(without_model(worker), score_schema(tasks))),
        "model": lambda: _throw_away(scored),
        "writing": write,
    }
    with session_conf(spark, reading_conf(worker)):
        for call in calls.values():
            call()
        return {name: taken(call) for name, call in calls.items()}


def _throw_away(rows: DataFrame) -> None:
    rows.write.format("noop").mode("overwrite").save()


def reading_only(worker: WorkerScorer) -> Callable[[Batches], Batches]:
    """Files are decoded, and that is all."""

    def read(batches: Batches) -> Batches:
        for _ in decoded(batches, worker):
            pass
        yield from ()

    return read


def without_model(worker: WorkerScorer) -> Callable[[Batches], Batches]:
    """As `score_function`, with made-up predictions."""

    def score(batches: Batches) -> Batches:
        names = score_schema(worker.spec.tasks).names[3:-1]
        for ds, rows in decoded(batches, worker):
            found = samples_of_arrow(rows, ds, worker.spec).sequences[:, 0, :2].sum(axis=1)
            made_up = np.sin(found.astype(np.float64) + np.arange(len(found))) ** 2
            yield scored_rows(rows, ds, dict.fromkeys(names, made_up))

    return score


def draw(seconds: dict[str, float], rows: int, bare: Taken) -> None:
    """One bar of microseconds a row, stage by stage, and the bare loop of the model under it."""
    figure = go.Figure()
    for name, found in seconds.items():
        each, share = found / rows * 1e6, found / sum(seconds.values())
        figure.add_bar(
            y=["score_advertisers"], x=[each], name=name, orientation="h", text=[f"{name} {share:.0%}"]
        )
    alone = bare.processor_seconds / rows * 1e6
    figure.add_bar(y=["bare loop"], x=[alone], name="model alone", orientation="h", text=[f"{alone:.1f} us"])
    title = f"Processor time of a scored row, {rows:,} rows, microseconds"
    figure.update_layout(barmode="stack", title=title, showlegend=False)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    styled(figure, 260).write_html(PICTURE, include_plotlyjs=True)
    print(f"  the picture: {PICTURE}")
