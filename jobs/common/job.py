"""What turns a function into a job: arguments -> session -> the function -> run log -> exit status.

Exit status: 0 done, 1 failed, 2 refused arguments or settings, 3 a data check failed. The last line on stderr says why.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

from pyspark.sql import SparkSession

from jobs.common.arguments import ArgumentError, OtherDays, parse_arguments
from jobs.common.progress import Progress, days_in_words
from jobs.common.run_log import RunCounts, RunResult, write_run
from jobs.common.session import start_session
from jobs.common.settings import Settings, SettingsError, load_settings
from jobs.common.spark_metrics import RunMetrics, RunStages
from jobs.common.units import bytes_in_words
from jobs.common.warehouse import Warehouse

# The last line tells of a skew from here on, if the slowest task took long enough to be worth a thought.
TOLD_SKEW, TOLD_TASK_SECONDS = 3.0, 1.0


class ExitStatus(IntEnum):
    """Exit statuses promised by the data contract."""

    DONE = 0
    FAILED = 1
    REFUSED = 2
    CHECK_FAILED = 3


class DataCheckError(ValueError):
    """The data broke a promise; nothing is published (exit status 3)."""


@dataclass(frozen=True)
class JobContext:
    """What a job's function works with. `counts` is filled in by the function for the run log."""

    spark: SparkSession
    settings: Settings
    warehouse: Warehouse
    start_ds: date
    end_ds: date
    args: argparse.Namespace
    progress: Progress
    counts: RunCounts = field(default_factory=RunCounts)

    def step(
        self, what: str, start_ds: date | None = None, end_ds: date | None = None
    ) -> AbstractContextManager[None]:
        """Name what is done inside `with context.step("write features.sequences"):`, for progress and Spark's pages.

        Done for the days start_ds..end_ds, by default those of the run. Holds for Spark jobs of the thread that enters
        it and of the threads that `side_by_side` starts inside.
        """
        whole = self.start_ds, self.end_ds
        return self.progress.step(f"{what} {days_in_words(start_ds or whole[0], end_ds or whole[1], whole)}")


JobFunction = Callable[[JobContext], None]


def run_job(
    name: str,
    function: JobFunction,
    doc: str | None,
    argv: Sequence[str] | None = None,
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None,
    other_days: OtherDays | None = None,
) -> ExitStatus:
    """Run `function` with validated arguments and return the exit status; other_days: see `parse_arguments`.

    A session that was active before (tests, notebooks) is used and left running.
    """
    try:
        arguments = parse_arguments(name, doc or name, argv, add_arguments, other_days)
        settings = load_settings(arguments.settings)
    except (ArgumentError, SettingsError) as error:
        return _end(name, ExitStatus.REFUSED, _one_line(error))
    spark, started_here = start_session(name, settings)
    try:
        warehouse = Warehouse(spark, arguments.warehouse)
        days = arguments.start_ds, arguments.end_ds
        context = JobContext(spark, settings, warehouse, *days, arguments, Progress(name, spark))
        return _run_logged(name, function, context)
    finally:
        if started_here:
            spark.stop()


def _run_logged(name: str, function: JobFunction, context: JobContext) -> ExitStatus:
    started, stages = time.monotonic(), RunStages(context.spark)
    with context.progress, context.step(name):
        status, reason = _outcome(function, context)
    seconds, metrics = time.monotonic() - started, stages.metrics()
    result = RunResult(
        name, context.start_ds, context.end_ds, seconds, context.settings.version, status.name.lower(), reason
    )
    try:
        write_run(context.warehouse, result, context.counts, metrics)
    except Exception as error:  # a log that cannot be written must not hide the job's own outcome
        print(f"{name}: ops.job_runs could not be written: {_one_line(error)}", file=sys.stderr)
    return _end(name, status, reason or _summary(context, metrics, seconds))


def _outcome(function: JobFunction, context: JobContext) -> tuple[ExitStatus, str | None]:
    try:
        function(context)
    except DataCheckError as error:
        return ExitStatus.CHECK_FAILED, _one_line(error)
    except (ArgumentError, SettingsError) as error:
        return ExitStatus.REFUSED, _one_line(error)
    except Exception as error:  # the run log must hold every failure, of whatever kind
        traceback.print_exc()
        return ExitStatus.FAILED, _one_line(error)
    return ExitStatus.DONE, None


def _summary(context: JobContext, metrics: RunMetrics, seconds: float) -> str:
    counts = context.counts
    parts = [f"{context.start_ds}..{context.end_ds}"]
    for label, value in (
        ("in", counts.rows_in),
        ("out", counts.rows_out),
        ("quarantined", counts.rows_quarantined),
    ):
        if value is not None:
            parts.append(f"{value:,} rows {label}")
    return ", ".join([*parts, *_costs(metrics), f"{seconds:.1f} s"])


def _costs(metrics: RunMetrics) -> list[str]:
    """What is worth telling: bytes that are not 0, a skew that a person may want to do something about."""
    told = (
        ("read", metrics.bytes_read),
        ("written", metrics.bytes_written),
        ("spilled", metrics.spilled_bytes),
    )
    parts = [f"{bytes_in_words(count)} {label}" for label, count in told if count]
    if (metrics.skew or 0) >= TOLD_SKEW and (metrics.slowest_task_seconds or 0) >= TOLD_TASK_SECONDS:
        parts.append(f"skew {metrics.skew:.1f}")
    return parts


def _end(name: str, status: ExitStatus, message: str) -> ExitStatus:
    words = {"DONE": "done", "FAILED": "failed", "REFUSED": "refused", "CHECK_FAILED": "data check failed"}
    print(f"{name}: {words[status.name]}: {message}", file=sys.stderr, flush=True)
    return status


def _one_line(error: BaseException) -> str:
    without_java_trace = str(error).split("\n\tat ")[0].split("JVM stacktrace")[0]
    text = " ".join(without_java_trace.split()) or type(error).__name__
    return text if len(text) <= 1000 else f"{text[:1000]}..."
