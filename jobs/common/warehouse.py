"""Delta tables at `<root>/<schema>/<table>`: read a day range, replace a day range, nothing half-written.

Every daily table is partitioned by `ds`. `replace_days` is one atomic Delta commit: readers see the old days whole or
the new days whole, and a killed job leaves the old ones.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from delta import exceptions as conflicts
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, DataFrameWriter, SparkSession
from pyspark.sql import functions as F

TABLE_NAME = re.compile(r"[a-z_]+\.[a-z_]+")
# delta-rs and other engines cannot read tables with deletion vectors.
PROPERTIES_OF_A_NEW_TABLE = {"delta.enableDeletionVectors": "false"}
# What readers filter by, beside the day; of every other column a file's smallest and largest value helps nobody. (Delta
# keeps none of booleans such as `eligible`.)
STATISTICS_COLUMNS = ("advertiser_id", "scenario_id")
MAX_COMMIT_TRIES = 5
T = TypeVar("T")
# Another writer committed first; Delta's Python classes have no common parent.
CONFLICTS = (
    conflicts.ConcurrentAppendException,
    conflicts.ConcurrentDeleteDeleteException,
    conflicts.ConcurrentDeleteReadException,
    conflicts.ConcurrentTransactionException,
    conflicts.ConcurrentWriteException,
    conflicts.DeltaConcurrentModificationException,
    conflicts.MetadataChangedException,
    conflicts.ProtocolChangedException,
)


@dataclass(frozen=True)
class Warehouse:
    """The tables below one root path (local, hdfs://, s3a://...)."""

    spark: SparkSession
    root: str

    def path(self, table: str) -> str:
        """Path of `schema.table`. Raises ValueError for any other form of name."""
        if not TABLE_NAME.fullmatch(table):
            raise ValueError(f"{table!r} is not a table name; expected schema.table in lower case")
        return f"{self.root.rstrip('/')}/{table.replace('.', '/')}"

    def exists(self, table: str) -> bool:
        """Whether the table has been created."""
        return DeltaTable.isDeltaTable(self.spark, self.path(table))

    def read(self, table: str) -> DataFrame:
        """The whole table. Raises ValueError when no job has written it yet."""
        if not self.exists(table):
            raise ValueError(
                f"table {table} does not exist at {self.path(table)}; run the job that writes it first"
            )
        return self.spark.read.format("delta").load(self.path(table))

    def read_days(self, table: str, start_ds: date, end_ds: date) -> DataFrame:
        """Rows with start_ds <= ds <= end_ds; both bounds prune partitions."""
        return self.read(table).where(days_between(start_ds, end_ds))

    def newest_day(self, table: str) -> date | None:
        """The largest ds of the table; answered from Delta's statistics."""
        row = self.read(table).agg(F.max("ds")).first()
        return row[0] if row else None

    def replace_days(self, df: DataFrame, table: str, start_ds: date, end_ds: date) -> None:
        """Replace exactly the days [start_ds, end_ds] by `df` in one commit; the table is created when it is not there.

        Raises Spark's error when `df` holds another day, or columns the table does not have.
        """
        if not self.exists(table):  # only a table that exists is guarded by Delta itself
            inside = F.when(days_between(start_ds, end_ds), F.col("ds"))
            refused = F.concat(
                F.lit(f"{table}: a row of another day than {start_ds}..{end_ds}: "), F.col("ds")
            )
            df = df.withColumn("ds", inside.otherwise(F.raise_error(refused)))
        self.replace_where(df, table, f"ds >= date'{start_ds}' and ds <= date'{end_ds}'")

    def replace_where(
        self, df: DataFrame, table: str, condition: str, partition_by: tuple[str, ...] = ("ds",)
    ) -> None:
        """Replace the rows that `condition`, on partition columns, selects by `df` in one commit."""
        writer = df.write.mode("overwrite").partitionBy(*partition_by).option("replaceWhere", condition)
        self._save(writer, table, df.columns)

    def append(self, df: DataFrame, table: str) -> None:
        """Add rows to a log table (no partition, never replaced)."""
        self._save(df.write.mode("append"), table, df.columns)

    def overwrite(self, df: DataFrame, table: str) -> None:
        """Replace a small table that has no days, whole."""
        self._save(df.write.mode("overwrite"), table, df.columns)

    def _save(self, writer: DataFrameWriter, table: str, columns: list[str]) -> None:
        """Commit, again when another writer came first: days are disjoint, so the second try succeeds."""
        properties = new_table_properties(columns)
        through_conflicts(lambda: writer.format("delta").options(**properties).save(self.path(table)))


def new_table_properties(columns: list[str]) -> dict[str, str]:
    """Properties of a table created with these columns; a table that exists keeps its own."""
    filtered = [name for name in STATISTICS_COLUMNS if name in columns]
    statistics = {"delta.dataSkippingStatsColumns": ",".join(filtered)} if filtered else {}
    return PROPERTIES_OF_A_NEW_TABLE | statistics


def through_conflicts(commit: Callable[[], T]) -> T:
    """Call `commit` again, a few times, when another writer came first; its result, or the last conflict raised."""
    for attempt in range(1, MAX_COMMIT_TRIES):
        try:
            return commit()
        except CONFLICTS:
            time.sleep(0.5 * attempt)
    return commit()


def days_between(start_ds: date, end_ds: date) -> Column:
    """`ds` between two days, both included, as literals so that partitions are pruned."""
    return F.col("ds").between(F.lit(start_ds), F.lit(end_ds))
