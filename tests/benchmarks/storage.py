"""Bytes per row of features.sequences and seconds to write it, by Parquet codec, encoding and order of rows.

The rows are those that `build_sequences` makes of the demo's world of 2,000 advertisers.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs import build_sequences, generate_demo_data, ingest_facts
from jobs.common.session import start_session
from jobs.common.settings import Settings, load_settings
from jobs.common.warehouse import Warehouse
from tests.benchmarks.figures import Figure

COMMAND = "python -m tests.benchmarks storage"
WORLD, SEQUENCE_DAYS = ("2026-01-01", "2026-04-30"), ("2026-04-17", "2026-04-30")
ROUNDS = 3


@dataclass(frozen=True)
class Layout:
    """One way to store the table. by_knowledge: rows in the scoring job's order, else in no order at all."""

    name: str
    codec: str
    level: int = 3
    dictionary: bool = True
    by_knowledge: bool = True

    def options(self) -> dict[str, str]:
        """What the Parquet writer is told."""
        return {
            "compression": self.codec,
            "parquet.compression.codec.zstd.level": str(self.level),
            "parquet.enable.dictionary": str(self.dictionary).lower(),
        }


LAYOUTS = (
    Layout("snappy", "snappy"),
    Layout("zstd1", "zstd", level=1),
    Layout("zstd3", "zstd"),
    Layout("zstd9", "zstd", level=9),
    Layout("zstd1_plain", "zstd", level=1, dictionary=False),
    Layout("snappy_unordered", "snappy", by_knowledge=False),
    Layout("zstd1_unordered", "zstd", level=1, by_knowledge=False),
)


def measure() -> Iterator[Figure]:
    """storage_bytes_LAYOUT: Parquet bytes per row. storage_seconds_LAYOUT: median to write 100,000 rows, one task."""
    settings = load_settings()
    spark, started_here = start_session("storage", settings)
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = _sequences(spark, folder)
            yield from _figures(Path(folder), rows, settings)
    finally:
        if started_here:
            spark.stop()


def _sequences(spark: SparkSession, folder: str) -> DataFrame:
    warehouse = Warehouse(spark, f"{folder}/warehouse")
    for job, days in ((generate_demo_data, WORLD), (ingest_facts, WORLD), (build_sequences, SEQUENCE_DAYS)):
        status = job.main(["--warehouse", warehouse.root, "--start-ds", days[0], "--end-ds", days[1]])
        if status:
            raise RuntimeError(f"{job.__name__} ended with status {status}")
    return warehouse.read_days(build_sequences.SEQUENCES, *map(date.fromisoformat, SEQUENCE_DAYS))


def _figures(folder: Path, rows: DataFrame, settings: Settings) -> Iterator[Figure]:
    unordered = (
        rows.repartition(1).sortWithinPartitions(F.xxhash64("ds", "advertiser_id", "scenario_id")).cache()
    )
    key = ("ds", *settings.knowledge_columns, "advertiser_id")
    ordered = rows.repartition(1).sortWithinPartitions(*key).cache()
    count = ordered.count() + 0 * unordered.count()
    seconds: dict[str, list[float]] = {layout.name: [] for layout in LAYOUTS}
    for turn in range(ROUNDS + 1):  # the first one warms up
        for layout in LAYOUTS:
            started = time.perf_counter()
            _write(ordered if layout.by_knowledge else unordered, layout, folder / layout.name)
            seconds[layout.name] += [time.perf_counter() - started] if turn else []
    for layout in LAYOUTS:
        size = sum(file.stat().st_size for file in (folder / layout.name).glob("**/*.parquet"))
        yield Figure(f"storage_bytes_{layout.name}", round(size / count, 1), "B/row", COMMAND)
    for layout in LAYOUTS:
        spent = statistics.median(seconds[layout.name]) / count * 100_000
        yield Figure(f"storage_seconds_{layout.name}", round(spent, 2), "s", COMMAND)


def _write(rows: DataFrame, layout: Layout, path: Path) -> None:
    """One file per day, as in the table."""
    rows.write.mode("overwrite").partitionBy("ds").options(**layout.options()).parquet(str(path))
