"""Writes the tables of an evaluation: each in one commit that replaces the models (or studies) evaluated."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql.types import StructType

from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse
from jobs.evaluation import table_schemas as schemas
from jobs.evaluation.competitors import OURS
from jobs.evaluation.labelled_keys import LabelledKeys
from jobs.evaluation.outcomes import Outcome
from jobs.evaluation.result_rows import Row
from jobs.evaluation.unit_result import ESTIMATES


def write_small(
    warehouse: Warehouse, table: str, rows: Sequence[Row], schema: StructType, by: str, names: Sequence[str]
) -> None:
    """Replace the partitions `names` of the partition column `by`."""
    frame = small_frame(warehouse.spark, rows, schema)
    warehouse.replace_where(frame, table, _among(by, names), partition_by=(by,))


def write_comparisons(warehouse: Warehouse, rows: Sequence[Row], models: Sequence[str]) -> None:
    """With M2M among the models everything said before is out of date; without it, what was said of them is."""
    frame = small_frame(warehouse.spark, rows, schemas.COMPARISONS)
    condition = "true" if OURS in models else _among("rival", models)
    warehouse.replace_where(frame, "evaluation.comparisons", condition, partition_by=())


def write_predictions(
    warehouse: Warehouse, folder: Path, outcomes: Sequence[Outcome], test: LabelledKeys, tasks: Sequence[str]
) -> int:
    """Replace the models' rows of evaluation.predictions; how many there are. folder: which Spark's tasks can read.

    One file a model and seed, so that no more than one of them is in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    passed_on = Path(tempfile.mkdtemp(prefix="predictions-", dir=folder))
    try:
        for place, outcome in enumerate(outcomes):
            pq.write_table(_table(outcome, test, tasks), passed_on / f"{place:04d}.parquet")
        read = warehouse.spark.read.schema(schemas.PREDICTIONS).parquet(passed_on.absolute().as_uri())
        models = [outcome.model for outcome in outcomes]
        warehouse.replace_where(
            read, "evaluation.predictions", _among("model", models), partition_by=("model",)
        )
    finally:
        shutil.rmtree(passed_on)
    return len(outcomes) * len(test) * len(tasks)


def _table(outcome: Outcome, test: LabelledKeys, tasks: Sequence[str]) -> pa.Table:
    """Rows of all tasks of one model and seed, task after task."""
    rows, count = len(test), len(tasks)
    predictions = outcome.predictions()
    keys = {"advertiser_id": test.advertiser, "scenario_id": test.scenario}
    columns: dict[str, pa.Array] = {
        "model": _repeated(outcome.model, rows * count),
        "seed": pa.array(np.full(rows * count, outcome.seed, np.int32)),
        **{name: pa.array(np.tile(values, count)).dictionary_encode() for name, values in keys.items()},
        "ds": pa.array(np.tile(test.ds.astype("datetime64[D]"), count)),
        "task": pa.array(np.repeat(np.asarray(tasks), rows)).dictionary_encode(),
    }
    for name in ESTIMATES:
        columns[name] = pa.array(predictions.of("test", name).T.ravel().astype(np.float64))
    columns["label"] = pa.array(test.labels.T.ravel())
    return pa.table(columns)


def _repeated(text: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def _among(column: str, names: Sequence[str]) -> str:
    """Names come from the registry or were validated as such; none holds a quote."""
    return f"{column} in ({', '.join(repr(name) for name in sorted(set(names)))})"
