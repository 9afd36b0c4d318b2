"""Give a Spark SQL session the names consumers use: tables of the warehouse, views over them, the score function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import StructType

from jobs.common.ddl import CONSUMER_TABLES, absolute_path, read_view
from jobs.common.fitting_bundle import find_bundle
from jobs.common.model_registry import CHAMPION
from jobs.common.prediction_columns import prediction_fields
from jobs.common.publication import PUBLISHED_DAYS
from jobs.common.score_function import SCORE_FUNCTION, score_function
from jobs.common.scored_days import SEQUENCES
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.common.worker_scorer import WorkerScorer

VIEW_SCHEMA = "consumer"
# The published days first: a reader who opens tables one after another then finds every published day in the others.
REGISTERED_TABLES = (PUBLISHED_DAYS, *CONSUMER_TABLES)


def register_views(spark: SparkSession, warehouse: Warehouse) -> None:
    """Register every consumer table as an external table and create its view `consumer.<table>`.

    Nothing is copied, and registering again points the names at this warehouse. Raises ValueError when a
    table does not exist yet.
    """
    _register(spark, warehouse, REGISTERED_TABLES, VIEW_SCHEMA)
    for table in CONSUMER_TABLES:
        spark.sql(read_view(table))


def _register(spark: SparkSession, warehouse: Warehouse, tables: Sequence[str], *schemas: str) -> None:
    root = absolute_path(warehouse.root.rstrip("/"))
    for schema in sorted({*schemas, *(table.split(".")[0] for table in tables)}):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema} LOCATION '{root}/{schema}'")
    for table in tables:
        warehouse.read(table)
        # Only the name is dropped: the files of an external table stay.
        spark.sql(f"DROP TABLE IF EXISTS {table}")
        spark.sql(f"CREATE TABLE {table} USING delta LOCATION '{absolute_path(warehouse.path(table))}'")


def register_score_function(
    spark: SparkSession, warehouse: Warehouse, settings: Settings, versions: Sequence[str] = (CHAMPION,)
) -> dict[str, str]:
    """Register features.sequences, and m2m_score for these versions or aliases of the platform's model; returns the
    version behind each.

    An alias stays with the version it has now, for as long as the session lives. The function takes a version and the
    columns of features.sequences as a struct, and returns a struct of the prediction columns of
    scores.advertiser_scores. Raises ValueError when the table does not exist, and as `find_bundle`.
    """
    columns, tasks = warehouse.read(SEQUENCES).columns, settings.task_names
    workers, found = {}, {}
    for name in versions:
        registered, _ = find_bundle(warehouse, settings, name, columns)
        found[name] = registered.version
        workers[name] = workers[registered.version] = WorkerScorer.ship(spark, registered, settings)
    # PySpark's overloads know no iterator of frames as a scalar function, though it is one of its forms.
    make_udf: Any = pandas_udf
    _register(spark, warehouse, [SEQUENCES])
    spark.udf.register(
        SCORE_FUNCTION, make_udf(score_function(workers), StructType(prediction_fields(tasks)))
    )
    return found
