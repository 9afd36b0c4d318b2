"""The scorer as a Python worker holds it: its bundle is fetched once, checked against its SHA-256, and kept.

What travels with a task is `WorkerScorer`, a few names and numbers. The bundle's two files reach each executor once
(SparkContext.addArchive); each Python worker reads them once, whatever the number of tasks that it runs.
"""

from __future__ import annotations

import atexit
import gc
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from pyspark import SparkFiles
from pyspark.sql import SparkSession

from jobs.common.job import DataCheckError
from jobs.common.prediction_columns import PROBABILITY_ACTIVE, QUANTILES, prediction_columns
from jobs.common.settings import Settings
from m2m import Bundle, FeatureSpec, Forecast, ForecastError, Samples, Scorer, rows_of_a_pass

if TYPE_CHECKING:  # it imports MLflow, which takes a worker seconds
    from jobs.common.model_registry import RegisteredBundle

BUNDLE_FILES = ("model.safetensors", "bundle.json")
MB = 2**20
Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class WorkerScorer:
    """Which bundle a worker scores with, and how.

    folder: of the bundle, among the files Spark sent. largest: a prediction beyond this many times its task's training
    mean is refused. threads: of torch, as many as a task has cores. wide: the model generates its weights anew for
    every group of rows, so it is given many rows at once.
    """

    folder: str
    sha256: str
    active_task: str
    largest: float
    memory_mb: int
    kept_weights_mb: int
    precision: str = "float32"
    threads: int = 1
    wide: bool = False

    @staticmethod
    def ship(
        spark: SparkSession, registered: RegisteredBundle, settings: Settings, wide: bool = False
    ) -> WorkerScorer:
        """Send a bundle to the workers, and describe how to score with it there."""
        scoring = settings.scoring
        return WorkerScorer(
            folder=ship_bundle(spark, registered.folder, registered.sha256),
            sha256=registered.sha256,
            active_task=settings.active_task,
            largest=settings.checks.max_predicted_over_training_mean,
            memory_mb=scoring.memory_mb,
            kept_weights_mb=scoring.kept_weights_mb,
            precision=scoring.precision,
            threads=int(spark.sparkContext.getConf().get("spark.task.cpus", "1")),
            wide=wide,
        )

    @property
    def scorer(self) -> Scorer:
        """The scorer of this Python process. Raises BundleError when the files are not the bundle that was sent."""
        return _load(self)

    @property
    def spec(self) -> FeatureSpec:
        """What the bundle reads and predicts."""
        return self.scorer.bundle.spec

    def columns(self, samples: Samples, name_of: Callable[[int], str]) -> Columns:
        """The prediction columns of some rows. Raises DataCheckError, with `name_of(row)`, for a prediction that is not
        finite or beyond bounds."""
        bundle = self.scorer.bundle
        try:
            forecast = self.scorer.predict(samples)
        except ForecastError as error:
            raise DataCheckError(f"{error}; model {self.sha256} scores nobody with it") from error
        refuse_beyond_bounds(forecast, bundle, self.largest, name_of)
        return forecast_columns(forecast, bundle.spec.tasks, self.active_task)


def ship_bundle(spark: SparkSession, folder: str, sha256: str) -> str:
    """Send the bundle's two files to every worker; the name of the folder they lie in there."""
    name = f"bundle-{sha256}"
    if Path(SparkFiles.get(name)).exists():
        return name  # an earlier run of this session sent the same bytes
    # The driver serves the files from here for as long as it lives.
    served = Path(tempfile.mkdtemp(prefix="m2m-"))
    atexit.register(shutil.rmtree, served, ignore_errors=True)
    # An archive: Spark sends no folder to executors on other machines. Each unpacks it into a folder of this name.
    archive = served / f"{name}.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for file in BUNDLE_FILES:
            bundle.write(Path(folder) / file, file)
    spark.sparkContext.addArchive(f"{archive}#{name}")
    return name


@lru_cache(maxsize=8)
def _load(worker: WorkerScorer) -> Scorer:
    torch.set_num_threads(worker.threads)
    bundle = Bundle.load(SparkFiles.get(worker.folder), expected_sha256=worker.sha256)
    rows = rows_of_a_pass(bundle, worker.memory_mb * MB)
    scorer = Scorer(bundle, rows, worker.kept_weights_mb * MB, worker.precision)
    # Spark collects garbage after every task, 0.14 s over all of torch's objects; these live as long as the worker.
    gc.freeze()
    return scorer


def refuse_beyond_bounds(
    forecast: Forecast, bundle: Bundle, largest: float, name_of: Callable[[int], str]
) -> None:
    """Raise DataCheckError naming the first prediction below 0 or beyond `largest` training means of its task."""
    bounds = largest * bundle.task_scales
    for part in ("mean", *QUANTILES):
        values: NDArray[np.float64] | None = getattr(forecast, part)
        if values is None:
            continue
        wrong = np.argwhere(~((values >= 0) & (values <= bounds)))  # a NaN is in no bounds
        if len(wrong):
            row, task = map(int, wrong[0])
            raise DataCheckError(
                f"{part} of {bundle.spec.tasks[task]} predicted for {name_of(row)} is {values[row, task]:g}, expected "
                f"0 to {bounds[task]:g} ({largest:g} training means, checks.max_predicted_over_training_mean)"
            )


def forecast_columns(forecast: Forecast, tasks: tuple[str, ...], active_task: str) -> Columns:
    """A forecast as the prediction columns; what the model does not give is NaN in every row."""
    columns = {f"predicted_{task}": forecast.mean[:, place] for place, task in enumerate(tasks)}
    for name in QUANTILES:
        values: NDArray[np.float64] | None = getattr(forecast, name)
        for place, task in enumerate(tasks):
            columns[f"predicted_{task}_{name}"] = _column_or_nan(values, place, len(forecast.mean))
    active = tasks.index(active_task)
    columns[PROBABILITY_ACTIVE] = _column_or_nan(forecast.probability_positive, active, len(forecast.mean))
    return {name: columns[name] for name in prediction_columns(tasks)}


def _column_or_nan(values: NDArray[np.float64] | None, place: int, rows: int) -> NDArray[np.float64]:
    return np.full(rows, np.nan) if values is None else values[:, place]
