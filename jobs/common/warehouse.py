"""Delta tables at `<root>/<schema>/<table>`: read a day range, replace a day range, nothing half-written.

Every daily table is partitioned by `ds`. `replace_days` is one atomic Delta commit: readers see the old days whole or
the new days whole, and a killed job leaves the old ones.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
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
MAX_COMMIT_TRIES = 10
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

    def read_ranges(self, table: str, ranges: Sequence[tuple[date, date]]) -> DataFrame:
        """Rows of several ranges of days, both ends included."""
        return self.read(table).where(in_ranges(ranges))

    def newest_day(self, table: str) -> date | None:
        """The largest ds of the table; answered from Delta's statistics."""
        row = self.read(table).agg(F.max("ds")).first()
        return row[0] if row else None

    def replace_days(self, df: DataFrame, table: str, start_ds: date, end_ds: date) -> None:
        """Replace exactly the days [start_ds, end_ds] by `df` in one commit; the table is created when it is not there.

        Raises Spark's error when `df` holds another day, or columns the table does not have.
        """
        self.replace_ranges(df, table, [(start_ds, end_ds)])

    def replace_ranges(self, df: DataFrame, table: str, ranges: Sequence[tuple[date, date]]) -> None:
        """Replace several ranges of days, both ends included, by `df` in one commit, as `replace_days` does one."""
        # Not `between`: Delta's replaceWhere fails on it in Spark 4.2.
        condition = " or ".join(f"(ds >= date'{start}' and ds <= date'{end}')" for start, end in ranges)
        if not self.exists(table):  # only a table that exists is guarded by Delta itself
            span = ", ".join(f"{start}..{end}" for start, end in ranges)
            refused = F.concat(F.lit(f"{table}: a row of another day than {span}: "), F.col("ds"))
            inside = F.when(F.expr(condition), F.col("ds"))
            df = df.withColumn("ds", inside.otherwise(F.raise_error(refused)))
        self.replace_where(df, table, condition)

    def replace_where(
        self, df: DataFrame, table: str, condition: str, partition_by: tuple[str, ...] = ("ds",)
    ) -> None:
        """Replace the rows that `condition` selects by `df` in one commit; cheap where it is on partition columns."""
        writer = df.write.mode("overwrite").option("replaceWhere", condition)
        writer = writer.partitionBy(*partition_by) if partition_by else writer
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


def in_ranges(ranges: Sequence[tuple[date, date]]) -> Column:
    """`ds` in one of these ranges of days, both ends included; false when there is none."""
    return reduce(Column.__or__, (days_between(*found) for found in ranges), F.lit(False))


def day_ranges(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days as ranges, both ends included, in order and as few as can be."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges
