"""Every row of some days of features.sequences, scored: whole files go to the workers, which decode them by Arrow.

Spark deals out the files and, where the warehouse is no local folder, reads their bytes, with its own credentials. Rows
read by Spark itself would be decoded value by value, copied to rows, and copied to Arrow again, which costs half as
much as the model (docs/decisions/0013-files-to-the-workers.md).

A file holds rows of one day, by knowledge key, so pairs with the same knowledge row come together and their meta
weights are generated once. It is cut into passes from its start: a score does not depend on the cluster, on the number
of tasks or on which other days are scored. (Of a wide model's, whose weights are not kept, several files of a task are
put together first; there the last bits depend on which.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import BooleanType, DateType, StringType, StructField, StructType

from jobs.common.model_inputs import columns_read, require_columns, samples_of_arrow
from jobs.common.prediction_columns import prediction_fields
from jobs.common.worker_scorer import Columns, WorkerScorer

KEYS = ("advertiser_id", "scenario_id")
PASSED_ON = (*KEYS, "eligible")
LOCAL = "file:"
# Of a wide model rows of several files, so that each knowledge row has many: 3.4 kB each while they are scored.
WIDE_TASK_MB, TASK_MB, WIDE_ROWS = 64, 16, 160_000
Batches = Iterator[pa.RecordBatch]
DayBatches = Iterator[tuple[date, pa.RecordBatch]]


def scored_files(
    spark: SparkSession,
    table_path: str,
    files: list[str],
    worker: WorkerScorer,
    tasks: tuple[str, ...],
    opened_by_workers: bool | None = None,
) -> DataFrame:
    """Keys, `ds`, predictions and `eligible` of every row of `files`, Parquet files of the table at `table_path`.

    Read it under `reading_conf`. opened_by_workers: they open the files by their paths; default: when all are local
    paths, which every machine of a cluster then has, as Delta itself asks for. Its tasks raise DataCheckError for a
    prediction beyond bounds, BundleError for a bundle that is not the one that was sent, ValueError for a file without
    a column that the model reads.
    """
    if opened_by_workers is None:
        opened_by_workers = all(file.startswith(LOCAL) for file in files)
    columns = ["path", "ds"] if opened_by_workers else ["path", "ds", "content"]
    dealt = spark.read.format("binaryFile").option("basePath", table_path).load(files).select(columns)
    return dealt.mapInArrow(score_function(worker), score_schema(tasks))


def reading_conf(worker: WorkerScorer) -> dict[str, str]:
    """To be set while the scored rows are read: a worker gets one file at a time; how much of them makes a task."""
    size = WIDE_TASK_MB if worker.wide else TASK_MB
    return {
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1",
        "spark.sql.files.maxPartitionBytes": str(size * 2**20),
    }


def score_schema(tasks: tuple[str, ...]) -> StructType:
    """The columns of `scored_files`."""
    keys = [StructField(name, StringType()) for name in KEYS]
    return StructType(
        [
            *keys,
            StructField("ds", DateType()),
            *prediction_fields(tasks),
            StructField("eligible", BooleanType()),
        ]
    )


def score_function(worker: WorkerScorer) -> Callable[[Batches], Batches]:
    """Batches of (path, ds) or of (path, ds, content) to batches of scored rows."""

    def score(batches: Batches) -> Batches:
        found = decoded(batches, worker)
        for ds, rows in gathered(found, WIDE_ROWS) if worker.wide else found:
            yield score_rows(rows, ds, worker)

    return score


def decoded(batches: Batches, worker: WorkerScorer) -> DayBatches:
    """The rows of all files, each batch with its day."""
    for batch in batches:
        for row in range(batch.num_rows):
            ds = batch.column("ds")[row].as_py()
            for rows in read_rows(batch, row, worker):
                yield ds, rows


def gathered(batches: DayBatches, rows: int) -> DayBatches:
    """Batches of one day put together while they have fewer than `rows` rows."""
    day, held_rows = date.min, 0
    held: list[pa.RecordBatch] = []
    for ds, batch in batches:
        if held and (ds != day or held_rows + batch.num_rows > rows):
            found, held, held_rows = _joined(held), [], 0  # nothing is held while the rows are scored
            yield day, found
        day, held_rows = ds, held_rows + batch.num_rows
        held.append(batch)
    if held:
        yield day, _joined(held)


def _joined(held: list[pa.RecordBatch]) -> pa.RecordBatch:
    return held[0] if len(held) == 1 else pa.Table.from_batches(held).combine_chunks().to_batches()[0]


def read_rows(batch: pa.RecordBatch, row: int, worker: WorkerScorer) -> Batches:
    """The rows of the file that a row of `batch` stands for, as many at a time as the model takes in one pass."""
    path = batch.column("path")[row].as_py()
    if "content" in batch.schema.names:
        source = pa.BufferReader(batch.column("content")[row].as_buffer())
    else:
        source = pa.OSFile(path.removeprefix(LOCAL))
    with source, pq.ParquetFile(source) as file:
        columns = list(dict.fromkeys([*columns_read(worker.spec), *PASSED_ON]))
        require_columns(file.schema_arrow.names, columns, path)
        yield from file.iter_batches(worker.scorer.max_rows, columns=columns, use_threads=False)


def score_rows(rows: pa.RecordBatch, ds: date, worker: WorkerScorer) -> pa.RecordBatch:
    """One batch of rows of one day, scored."""

    def name_of(row: int) -> str:
        advertiser, scenario = (rows.column(name)[row].as_py() for name in KEYS)
        return f"advertiser {advertiser!r} in {scenario!r} on {ds}"

    return scored_rows(rows, ds, worker.columns(samples_of_arrow(rows, ds, worker.spec), name_of))


def scored_rows(rows: pa.RecordBatch, ds: date, predictions: Columns) -> pa.RecordBatch:
    """The columns of `score_schema`."""
    columns: dict[str, pa.Array] = {name: rows.column(name) for name in KEYS}
    columns["ds"] = pa.repeat(pa.scalar(ds, pa.date32()), rows.num_rows)
    # NaN stands for what the model does not give; a prediction itself is finite.
    columns |= {name: pa.array(values, from_pandas=True) for name, values in predictions.items()}
    return pa.RecordBatch.from_pydict({**columns, "eligible": rows.column("eligible")})
