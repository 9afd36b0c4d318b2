"""What keeps a Delta table small and quick to read: old days deleted, small files put together, dead files removed.

Every step is one Delta commit or none, and compaction changes no row (its commit says dataChange=false).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.common.ddl import absolute_path
from jobs.common.session import session_conf
from jobs.common.tables import RowOrder
from jobs.common.warehouse import Warehouse, through_conflicts

# Vacuum would log itself as two commits, which readers that follow the table have to look at.
VACUUM_CONF = {"spark.databricks.delta.vacuum.logging.enabled": "false"}


@dataclass(frozen=True)
class TableSize:
    """Files and bytes that the newest version of a table refers to."""

    files: int
    bytes: int


def has_days(warehouse: Warehouse, table: str) -> bool:
    """Whether its files lie in partitions by ds."""
    detail = warehouse.spark.sql(f"DESCRIBE DETAIL {_named(warehouse, table)}")
    return "ds" in detail.select("partitionColumns").collect()[0][0]


def table_size(warehouse: Warehouse, table: str) -> TableSize:
    """What the newest version consists of."""
    detail = warehouse.spark.sql(f"DESCRIBE DETAIL {_named(warehouse, table)}")
    row = detail.select("numFiles", "sizeInBytes").collect()[0]
    return TableSize(row["numFiles"], row["sizeInBytes"])


def bytes_on_disk(spark: SparkSession, path: str) -> int:
    """Bytes of every file below a path, dead ones and the log included."""
    jvm: Any = spark._jvm
    folder = jvm.org.apache.hadoop.fs.Path(path)
    system = folder.getFileSystem(spark._jsc.hadoopConfiguration())
    return int(system.getContentSummary(folder).getLength())


def delete_days_before(warehouse: Warehouse, table: str, first_kept: date) -> int:
    """Delete the days before `first_kept`, whole partitions in one commit; how many there were."""
    old = f"ds < date'{first_kept}'"
    days = warehouse.read(table).where(old).select("ds").distinct().count()
    if days:
        statement = f"DELETE FROM {_named(warehouse, table)} WHERE {old}"
        through_conflicts(lambda: warehouse.spark.sql(statement))
    return days


def pack_files(warehouse: Warehouse, table: str, days: tuple[date, date] | None, target_bytes: int) -> None:
    """Put files smaller than `target_bytes` together (Delta's OPTIMIZE) in the days, both included, or the whole table.

    Files are appended to each other as they come, so an order of rows is kept piece by piece only.
    """
    where = f" WHERE ds >= date'{days[0]}' AND ds <= date'{days[1]}'" if days else ""
    size = str(target_bytes)
    conf = {f"spark.databricks.delta.optimize.{end}FileSize": size for end in ("min", "max")}
    with session_conf(warehouse.spark, conf):
        through_conflicts(
            lambda: warehouse.spark.sql(f"OPTIMIZE {_named(warehouse, table)}{where}").collect()
        )


def rewrite_in_order(
    warehouse: Warehouse, table: str, days: tuple[date, date], order: RowOrder, target_bytes: int
) -> None:
    """Write the days that lie in too many small files again, sorted, in one commit.

    A writer of the same days who commits meanwhile is not overwritten: Delta plans the read inside the transaction that
    writes, so it sees the newest rows, or the commit is refused and tried again.
    """
    pieces = pieces_by_day(_files(warehouse, table, days), target_bytes)
    if not pieces:
        return
    condition = " or ".join(f"ds = date'{day}'" for day in sorted(pieces))
    rows = _in_pieces(warehouse.read(table).where(condition), pieces, order)
    writer = rows.write.format("delta").mode("overwrite")
    writer = writer.option("replaceWhere", condition).option("dataChange", "false")
    # Delta passes no Parquet options of a writer on, so it is an option of the session for as long as the write takes.
    conf = {"parquet.block.size": str(order.row_group_bytes)} if order.row_group_bytes else {}
    with session_conf(warehouse.spark, conf):
        through_conflicts(lambda: writer.save(warehouse.path(table)))


def pieces_by_day(files: Mapping[date, TableSize], target_bytes: int) -> dict[date, int]:
    """Into how many files a day is to be written again: only days whose files are on average less than half the target.

    The result of a rewrite is never below that, unless the rows became smaller by a third, so a rerun does nothing.
    """
    pieces = {}
    for day, size in files.items():
        wanted = max(1, math.floor(size.bytes / target_bytes + 0.5))
        if wanted < size.files and size.bytes / size.files < target_bytes / 2:
            pieces[day] = wanted
    return pieces


def vacuum(warehouse: Warehouse, table: str, hours: int) -> int:
    """Remove files that no version of the last `hours` refers to; bytes that became free.

    Raises Spark's error for fewer hours than the table's own limit (168), unless its check is switched off.
    """
    before = bytes_on_disk(warehouse.spark, warehouse.path(table))
    with session_conf(warehouse.spark, VACUUM_CONF):
        warehouse.spark.sql(f"VACUUM {_named(warehouse, table)} RETAIN {int(hours)} HOURS")
    return max(0, before - bytes_on_disk(warehouse.spark, warehouse.path(table)))


def _files(warehouse: Warehouse, table: str, days: tuple[date, date]) -> dict[date, TableSize]:
    """Files of each day; only the footers of the files are read."""
    each = warehouse.read_days(table, *days).select("ds", "_metadata.file_path", "_metadata.file_size")
    by_day = each.distinct().groupBy("ds").agg(F.count(F.lit(1)).alias("n"), F.sum("file_size").alias("size"))
    return {row["ds"]: TableSize(row["n"], row["size"]) for row in by_day.collect()}


def _in_pieces(rows: DataFrame, pieces: Mapping[date, int], order: RowOrder) -> DataFrame:
    """Each day in that many files, advertisers spread over them by hash, rows of a file in order."""
    first, last = min(pieces), max(pieces)
    counts = [pieces.get(date.fromordinal(n), 1) for n in range(first.toordinal(), last.toordinal() + 1)]
    count = F.element_at(F.array(*map(F.lit, counts)), F.date_diff("ds", F.lit(first)) + 1)
    piece = F.pmod(F.xxhash64("advertiser_id"), count)
    spread = rows.repartition(sum(pieces.values()), F.col("ds"), piece)
    return spread.sortWithinPartitions("ds", *order.columns)


def _named(warehouse: Warehouse, table: str) -> str:
    return f"delta.`{absolute_path(warehouse.path(table))}`"
