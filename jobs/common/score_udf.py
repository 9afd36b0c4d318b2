"""The scoring pandas UDF: bundle loaded once per Python worker, checked against its SHA-256, torch threads as given.

The bundle travels to the workers as files (SparkContext.addFile), never inside the function.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pyspark import SparkFiles
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import DoubleType, StructField, StructType

from jobs.common.model_inputs import SEQUENCES, WEEKDAY, WINDOW_SUMS, input_columns, samples_of
from jobs.common.prediction_columns import PROBABILITY_ACTIVE, QUANTILES, prediction_columns
from jobs.common.settings import Settings
from m2m import Bundle, FeatureSpec, Forecast, Samples, Scorer

BUNDLE_FILES = ("model.safetensors", "bundle.json")
DAY, CHUNK_ROWS = "day", 4096


def ship_bundle(spark: SparkSession, folder: str, sha256: str) -> str:
    """Send the bundle's two files to every worker; the name of the folder they lie in there."""
    name = f"bundle-{sha256}"
    if Path(SparkFiles.get(name)).exists():
        return name  # an earlier run of this session sent the same bytes
    # The driver serves the files from here for as long as it lives.
    served = Path(tempfile.mkdtemp(prefix="m2m-"))
    atexit.register(shutil.rmtree, served, ignore_errors=True)
    (served / name).mkdir()
    for file in BUNDLE_FILES:
        shutil.copyfile(Path(folder) / file, served / name / file)
    spark.sparkContext.addFile(str(served / name), recursive=True)
    return name


def prediction_schema(settings: Settings) -> StructType:
    """One double per prediction column, over the next horizon_days; null where the model has no distribution."""
    return StructType([StructField(name, DoubleType()) for name in prediction_columns(settings.task_names)])


def score_column(settings: Settings, bundle_name: str, sha256: str, threads: int) -> Column:
    """A struct column with the predictions of a features.sequences row."""
    # PySpark's overloads know no iterator of frames as a scalar function, though it is one of its forms.
    make_udf: Any = pandas_udf
    function = make_score_function(bundle_name, sha256, threads, settings.active_task)
    score = make_udf(function, prediction_schema(settings))
    scores: Column = score(F.struct(*input_columns(settings), F.unix_date("ds").alias(DAY)))
    return scores


def make_score_function(
    bundle_name: str, sha256: str, threads: int, active_task: str
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """The iterator form: batches of one task come in turn, so generated meta weights are kept between them."""

    def score(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        scorer = load_scorer(bundle_name, sha256, threads)
        spec = scorer.bundle.spec
        for chunk in chunks_of_a_day(batches, CHUNK_ROWS):
            yield forecast_frame(scorer.predict(batch_samples(chunk, spec)), spec.tasks, active_task)

    # PySpark reads the annotations of the function itself; with postponed annotations they would be text.
    score.__annotations__ = {"batches": Iterator[pd.DataFrame], "return": Iterator[pd.DataFrame]}
    return score


def forecast_frame(forecast: Forecast, tasks: Sequence[str], active_task: str) -> pd.DataFrame:
    """A forecast as the prediction columns; what the model does not give is missing in every row."""
    columns = {f"predicted_{task}": forecast.mean[:, place] for place, task in enumerate(tasks)}
    for name in QUANTILES:
        values: NDArray[np.float64] | None = getattr(forecast, name)
        for place, task in enumerate(tasks):
            columns[f"predicted_{task}_{name}"] = _column_or_missing(values, place, len(forecast.mean))
    active = tasks.index(active_task)
    probability = _column_or_missing(forecast.probability_positive, active, len(forecast.mean))
    columns[PROBABILITY_ACTIVE] = probability
    return pd.DataFrame(columns)[list(prediction_columns(tasks))]


def _column_or_missing(values: NDArray[np.float64] | None, place: int, rows: int) -> NDArray[np.float64]:
    # NaN in pandas becomes NULL in Spark; a forecast that is there is finite.
    return np.full(rows, np.nan) if values is None else values[:, place]


def chunks_of_a_day(batches: Iterable[pd.DataFrame], max_rows: int) -> Iterator[pd.DataFrame]:
    """Cut the stream anew: at every change of day, and every `max_rows` rows counted from the day's first row.

    The last bit of a matrix product depends on how many rows it has. So a day's rows are always multiplied in the same
    company, whatever the Arrow batches and the other days of the run: a rerun gives the very same numbers.
    """
    held: pd.DataFrame | None = None
    for batch in batches:
        starts = np.flatnonzero(np.diff(batch[DAY].to_numpy(), prepend=-1))
        for start, stop in pairwise([*starts, len(batch)]):
            part = batch.iloc[start:stop]
            if held is not None and len(held) and held[DAY].iloc[0] != part[DAY].iloc[0]:
                yield held
                held = None
            held = part if held is None else pd.concat([held, part], ignore_index=True)
            while len(held) >= max_rows:
                yield held.iloc[:max_rows]
                held = held.iloc[max_rows:]
    if held is not None and len(held):
        yield held


@lru_cache(maxsize=2)
def load_scorer(bundle_name: str, sha256: str, threads: int) -> Scorer:
    """The scorer of this Python worker; workers are reused between tasks, so this runs once per worker and bundle."""
    torch.set_num_threads(threads)
    return Scorer(Bundle.load(SparkFiles.get(bundle_name), expected_sha256=sha256))


def batch_samples(batch: pd.DataFrame, spec: FeatureSpec) -> Samples:
    """One Arrow batch, as pandas hands it over, as Samples."""
    return samples_of(
        np.concatenate(batch[SEQUENCES].to_numpy()),
        np.concatenate(batch[WINDOW_SUMS].to_numpy()),
        batch[WEEKDAY].to_numpy().astype(np.int64),
        [batch[name].to_numpy().astype(np.str_) for name in spec.knowledge],
        spec,
    )


def with_scores(rows: DataFrame, scores: Column) -> DataFrame:
    """Keys, predictions and `eligible` of features.sequences rows."""
    keys = ("advertiser_id", "scenario_id", "ds", "eligible")
    return rows.select(*keys, scores.alias("scores")).select(*keys[:3], "scores.*", "eligible")
