"""Landing folders written by others: Parquet, CSV or Delta, flat or partitioned by `ds`.

Every file's own schema is looked at before a row is read, so a file that does not fit is named in the error together
with the column, what was expected and what was found.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow.parquet as pq
from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from jobs.common.job import DataCheckError

PARTITION_DAY = re.compile(r"/ds=([^/]+)/")
# What a declared type may be in a typed file: everything that widens without loss.
ACCEPTED_TYPES: dict[str, frozenset[str]] = {
    "string": frozenset({"string"}),
    "date": frozenset({"date", "string"}),
    "timestamp": frozenset({"timestamp", "timestamp_ntz", "string"}),
    "int": frozenset({"tinyint", "smallint", "int", "bigint"}),
    "long": frozenset({"tinyint", "smallint", "int", "bigint"}),
    "double": frozenset({"tinyint", "smallint", "int", "bigint", "float", "double"}),
}


class NoLandingFilesError(DataCheckError):
    """The folder holds nothing for the days asked for."""


@dataclass(frozen=True)
class LandingFile:
    """One file of a landing folder, or one whole Delta table."""

    path: str
    size_bytes: int
    format: str


def read_landing(
    spark: SparkSession,
    folder: str,
    required: Mapping[str, str],
    optional: Mapping[str, str],
    days: tuple[date, date] | None = None,
    earlier_from: date | None = None,
) -> DataFrame:
    """Rows of a landing folder with the declared columns, as found (CSV: text), and `source_file`.

    Args:
        required, optional: column -> declared type; optional columns that a file lacks are null.
        days: read only partitions of these days (both included) and partitions whose day is no date.
        earlier_from: read partitions from this day on as well, where there are any.

    Raises:
        NoLandingFilesError: the folder is not there or has no file of these days.
        DataCheckError: an empty file, a missing column or a wrong type, named.
    """
    listed = _list_files(spark, folder)
    files = _wanted(listed, days)
    if not files:
        raise NoLandingFilesError(
            f"landing folder {folder} has no file for {_span(days)}; expected Parquet, CSV or Delta"
        )
    if days and earlier_from:
        files = _wanted(listed, (earlier_from, days[1]))
    with ThreadPoolExecutor(8) as pool:
        schemas = list(pool.map(lambda file: _schema_of(spark, file), files))
    groups: dict[tuple[str, str], list[str]] = {}
    kinds: dict[tuple[str, str], StructType] = {}
    for file, schema in zip(files, schemas, strict=True):
        partitioned = PARTITION_DAY.search(file.path) is not None
        _refuse_misfit(file, schema, required, optional, partitioned)
        key = (file.format, schema.json())
        groups.setdefault(key, []).append(file.path)
        kinds[key] = schema
    frames = [
        _read(spark, folder, key[0], kinds[key], paths, required, optional) for key, paths in groups.items()
    ]
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    return whole


def _list_files(spark: SparkSession, folder: str) -> list[LandingFile]:
    if DeltaTable.isDeltaTable(spark, folder):
        return [LandingFile(folder, 1, "delta")]
    jvm: Any = spark._jvm
    root = jvm.org.apache.hadoop.fs.Path(folder)
    system = root.getFileSystem(spark._jsc.hadoopConfiguration())
    try:
        found = system.listFiles(root, True)
    except Py4JJavaError as error:
        raise NoLandingFilesError(f"landing folder {folder} does not exist") from error
    files = []
    while found.hasNext():
        status = found.next()
        path = status.getPath().toString()
        name = path.rsplit("/", 1)[-1]
        if not name.startswith(("_", ".")):
            files.append(LandingFile(path, status.getLen(), _format_of(path)))
    return sorted(files, key=lambda file: file.path)


def _format_of(path: str) -> str:
    for ending, name in ((".parquet", "parquet"), (".csv", "csv"), (".csv.gz", "csv")):
        if path.endswith(ending):
            return name
    raise DataCheckError(f"landing file {path} is of no known kind; expected *.parquet, *.csv or *.csv.gz")


def _wanted(files: list[LandingFile], days: tuple[date, date] | None) -> list[LandingFile]:
    return [file for file in files if days is None or _day_is_wanted(file.path, days)]


def _day_is_wanted(path: str, days: tuple[date, date]) -> bool:
    partition = PARTITION_DAY.search(path)
    if partition is None:
        return True
    try:
        return days[0] <= date.fromisoformat(unquote(partition.group(1))) <= days[1]
    except ValueError:
        return True  # a day that is no date must reach the quarantine


def _span(days: tuple[date, date] | None) -> str:
    return f"{days[0]}..{days[1]}" if days else "any day"


def _schema_of(spark: SparkSession, file: LandingFile) -> StructType:
    if file.size_bytes == 0:
        raise DataCheckError(
            f"landing file {file.path} is empty; expected at least a header with the declared columns"
        )
    if file.format == "csv":
        names = next(csv.reader([_first_line(spark, file.path)]), [])
        return StructType([StructField(name.strip(), StringType()) for name in names])
    local = _local_path(file.path)
    if file.format == "parquet" and local:
        try:
            return from_arrow_schema(pq.read_schema(local))
        except OSError as error:
            raise DataCheckError(f"landing file {file.path} is not Parquet: {error}") from error
    return spark.read.format(file.format).load(file.path).schema


def _first_line(spark: SparkSession, path: str) -> str:
    row = spark.read.text(path).first()
    return row[0].lstrip("\ufeff") if row else ""


def _local_path(path: str) -> Path | None:
    uri = urlparse(path)
    return Path(unquote(uri.path)) if uri.scheme in ("", "file") else None


def _refuse_misfit(
    file: LandingFile,
    schema: StructType,
    required: Mapping[str, str],
    optional: Mapping[str, str],
    partitioned: bool,
) -> None:
    found = {field.name: field.dataType.simpleString() for field in schema.fields}
    for name, kind in {**required, **optional}.items():
        if name not in found:
            if name in optional or (name == "ds" and partitioned):
                continue
            raise DataCheckError(
                f"landing file {file.path} lacks column {name}; expected {kind}, found columns {', '.join(found)}"
            )
        if file.format != "csv" and found[name] not in ACCEPTED_TYPES[kind]:
            raise DataCheckError(
                f"landing file {file.path}, column {name}: expected {kind}, found {found[name]}"
            )


def _read(
    spark: SparkSession,
    folder: str,
    kind: str,
    schema: StructType,
    paths: list[str],
    required: Mapping[str, str],
    optional: Mapping[str, str],
) -> DataFrame:
    if kind == "delta":
        rows = spark.read.format("delta").load(folder)
    else:
        # PERMISSIVE: a short line gives nulls, which the row rules then report with their column.
        reader = (
            spark.read.schema(schema)
            .option("basePath", folder)
            .option("header", True)
            .option("mode", "PERMISSIVE")
        )
        rows = reader.format(kind).load(paths)
    columns = [
        F.col(f"`{name}`") if name in rows.columns else F.lit(None).cast("string").alias(name)
        for name in {**required, **optional}
    ]
    # Only names and last folders: the same file read from another root gives the same row.
    source = F.regexp_extract(F.col("_metadata.file_path"), r"((?:ds=[^/]*/)?[^/]+)$", 1)
    return rows.select(*columns, source.alias("source_file"))
