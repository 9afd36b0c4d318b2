"""Give a Spark SQL session the names consumers use: the tables of the warehouse and the views over them."""

from __future__ import annotations

from pyspark.sql import SparkSession

from jobs.common.ddl import CONSUMER_TABLES, absolute_path, read_view
from jobs.common.publication import PUBLISHED_DAYS
from jobs.common.warehouse import Warehouse

VIEW_SCHEMA = "consumer"
# The published days first: a reader who opens tables one after another then finds every published day in the others.
REGISTERED_TABLES = (PUBLISHED_DAYS, *CONSUMER_TABLES)


def register_views(spark: SparkSession, warehouse: Warehouse) -> None:
    """Register every consumer table as an external table and create its view `consumer.<table>`.

    Nothing is copied, and registering again points the names at this warehouse. Raises ValueError when a
    table does not exist yet.
    """
    root = absolute_path(warehouse.root.rstrip("/"))
    for schema in sorted({VIEW_SCHEMA, *(table.split(".")[0] for table in REGISTERED_TABLES)}):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema} LOCATION '{root}/{schema}'")
    for table in REGISTERED_TABLES:
        warehouse.read(table)
        # Only the name is dropped: the files of an external table stay.
        spark.sql(f"DROP TABLE IF EXISTS {table}")
        spark.sql(f"CREATE TABLE {table} USING delta LOCATION '{absolute_path(warehouse.path(table))}'")
    for table in CONSUMER_TABLES:
        spark.sql(read_view(table))
