"""The scorer as a function of Spark SQL: m2m_score(version, struct(*)).

    SELECT advertiser_id, m2m_score('champion', struct(*)).predicted_active_days FROM features.sequences

It is a pandas UDF of the iterator form, for questions of people. `score_advertisers` scores whole days without it, from
the files (jobs/common/score_files.py), to the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import DoubleType, StructField, StructType

from jobs.common.model_inputs import columns_read, feature_spec, require_columns, samples_of_pandas
from jobs.common.model_registry import CHAMPION, ModelRegistry
from jobs.common.prediction_columns import prediction_columns
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.common.worker_scorer import WorkerScorer
from m2m import Bundle

SCORE_FUNCTION = "m2m_score"
Rows = tuple[pd.Series, pd.DataFrame]


def register_score_function(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, versions: Sequence[str] = (CHAMPION,)
) -> dict[str, str]:
    """Register m2m_score for these versions or aliases of the platform's model; returns the version behind each.

    An alias stays with the version it has now, for as long as the session lives. The function takes a version and the
    columns of features.sequences as a struct, and returns a struct of the prediction columns of
    scores.advertiser_scores. Raises ValueError when a version does not exist or was trained with other settings.
    """
    registry = ModelRegistry(settings.platform, warehouse.root)
    workers, found = {}, {}
    for name in versions:
        registered = registry.find(name)
        if registered is None:
            raise ValueError(f"model {settings.platform} has no {name}; run train_model, or name a version")
        bundle = Bundle.load(registered.folder, expected_sha256=registered.sha256)
        if bundle.spec != feature_spec(settings):
            raise ValueError(f"model version {registered.version} was trained with other settings")
        found[name] = registered.version
        workers[name] = workers[registered.version] = WorkerScorer.ship(spark, registered, settings)
    schema = StructType([StructField(name, DoubleType()) for name in prediction_columns(settings.task_names)])
    # PySpark's overloads know no iterator of frames as a scalar function, though it is one of its forms.
    make_udf: Any = pandas_udf
    spark.udf.register(SCORE_FUNCTION, make_udf(score_function(workers), schema))
    return found


def score_function(
    workers: Mapping[str, WorkerScorer],
) -> Callable[[Iterator[Rows]], Iterator[pd.DataFrame]]:
    """The function itself; `workers`: by version and alias."""

    def score(batches: Iterator[Rows]) -> Iterator[pd.DataFrame]:
        for versions, rows in batches:
            yield score_batch(versions, rows, workers)

    # PySpark reads the annotations of the function itself; with postponed annotations they would be text.
    score.__annotations__ = {"batches": Iterator[Rows], "return": Iterator[pd.DataFrame]}
    return score


def score_batch(versions: pd.Series, rows: pd.DataFrame, workers: Mapping[str, WorkerScorer]) -> pd.DataFrame:
    """Predictions of rows that may ask for different versions. Raises ValueError for a version that is not there."""
    if not isinstance(rows, pd.DataFrame):
        raise ValueError(
            f"{SCORE_FUNCTION} takes a version and a struct: {SCORE_FUNCTION}('champion', struct(*))"
        )
    parts = []
    for version, part in rows.groupby(versions.to_numpy(), sort=False, dropna=False):
        if version not in workers:
            known = ", ".join(sorted(workers))
            raise ValueError(
                f"{SCORE_FUNCTION}: version {version!r} is not registered here; known are {known}"
            )
        parts.append(_score_part(part, workers[str(version)]))
    return pd.concat(parts).reindex(rows.index)


def _score_part(rows: pd.DataFrame, worker: WorkerScorer) -> pd.DataFrame:
    require_columns(rows.columns, ["ds", *columns_read(worker.spec)], f"the struct given to {SCORE_FUNCTION}")

    def name_of(row: int) -> str:
        return ", ".join(f"{name} {rows[name].iloc[row]}" for name in ("advertiser_id", "ds") if name in rows)

    return pd.DataFrame(worker.columns(samples_of_pandas(rows, worker.spec), name_of), index=rows.index)
