"""ops.job_runs: one row per run of a job, whatever became of it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from pyspark.errors import AnalysisException
from pyspark.sql.types import (
    DateType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from jobs.common.ddl import add_missing_columns
from jobs.common.small_frame import small_frame
from jobs.common.spark_metrics import RunMetrics
from jobs.common.warehouse import Warehouse

JOB_RUNS = "ops.job_runs"
SCHEMA = StructType(
    [
        StructField("job", StringType(), False),
        StructField("start_ds", DateType()),
        StructField("end_ds", DateType()),
        StructField("rows_in", LongType()),
        StructField("rows_out", LongType()),
        StructField("rows_quarantined", LongType()),
        StructField("seconds", DoubleType()),
        StructField("settings_version", StringType()),
        StructField("code_version", StringType()),
        StructField("status", StringType(), False),
        StructField("error", StringType()),
        StructField("finished_at", TimestampType()),
        # What the run cost Spark, see RunMetrics; null where it is not known.
        StructField("bytes_read", LongType()),
        StructField("bytes_written", LongType()),
        StructField("shuffle_bytes", LongType()),
        StructField("spilled_bytes", LongType()),
        StructField("skew", DoubleType()),
    ]
)


@dataclass
class RunCounts:
    """What a run counted, filled in by the job while it works."""

    rows_in: int | None = None
    rows_out: int | None = None
    rows_quarantined: int | None = None


@dataclass(frozen=True)
class RunResult:
    """How a run ended: status is done, failed or check_failed; seconds of wall time."""

    job: str
    start_ds: date
    end_ds: date
    seconds: float
    settings_version: str
    status: str
    error: str | None = None


@cache
def code_version() -> str:
    """The commit the code was checked out at, or "unknown" outside a checkout."""
    root = Path(__file__).parents[2]
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return "unknown"
    return found.stdout.strip() if found.returncode == 0 else "unknown"


def write_run(warehouse: Warehouse, result: RunResult, counts: RunCounts, metrics: RunMetrics) -> None:
    """Append one row to ops.job_runs; a table of an older version gets the columns it lacks first."""
    row = (
        result.job,
        result.start_ds,
        result.end_ds,
        counts.rows_in,
        counts.rows_out,
        counts.rows_quarantined,
        round(result.seconds, 3),
        result.settings_version,
        code_version(),
        result.status,
        result.error,
        datetime.now(UTC),
        metrics.bytes_read,
        metrics.bytes_written,
        metrics.shuffle_bytes,
        metrics.spilled_bytes,
        None if metrics.skew is None else round(metrics.skew, 3),
    )
    frame = small_frame(warehouse.spark, [row], SCHEMA)
    try:
        warehouse.append(frame, JOB_RUNS)
    except (
        AnalysisException
    ):  # Delta's word for columns that the table lacks; to ask before would cost every run
        if not warehouse.exists(JOB_RUNS):
            raise
        add_missing_columns(warehouse, JOB_RUNS, {f.name: f.dataType.simpleString() for f in SCHEMA})
        warehouse.append(frame, JOB_RUNS)
