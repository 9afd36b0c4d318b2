"""What turns a function into a job: arguments -> session -> the function -> run log -> exit status.

Exit status: 0 done, 1 failed, 2 refused arguments or settings, 3 a data check failed. The last line on stderr says why.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum

from pyspark.sql import SparkSession

from jobs.common.arguments import ArgumentError, parse_arguments
from jobs.common.run_log import RunCounts, RunResult, write_run
from jobs.common.session import start_session
from jobs.common.settings import Settings, SettingsError, load_settings
from jobs.common.warehouse import Warehouse


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
    counts: RunCounts = field(default_factory=RunCounts)


JobFunction = Callable[[JobContext], None]


def run_job(
    name: str,
    function: JobFunction,
    doc: str | None,
    argv: Sequence[str] | None = None,
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None,
) -> ExitStatus:
    """Run `function` with validated arguments and return the exit status.

    A session that was active before (tests, notebooks) is used and left running.
    """
    try:
        arguments = parse_arguments(name, doc or name, argv, add_arguments)
        settings = load_settings(arguments.settings)
    except (ArgumentError, SettingsError) as error:
        return _end(name, ExitStatus.REFUSED, _one_line(error))
    spark, started_here = start_session(name, settings)
    try:
        warehouse = Warehouse(spark, arguments.warehouse)
        context = JobContext(spark, settings, warehouse, arguments.start_ds, arguments.end_ds, arguments)
        return _run_logged(name, function, context)
    finally:
        if started_here:
            spark.stop()


def _run_logged(name: str, function: JobFunction, context: JobContext) -> ExitStatus:
    started = time.monotonic()
    status, reason = ExitStatus.DONE, None
    try:
        function(context)
    except DataCheckError as error:
        status, reason = ExitStatus.CHECK_FAILED, _one_line(error)
    except (ArgumentError, SettingsError) as error:
        status, reason = ExitStatus.REFUSED, _one_line(error)
    except Exception as error:  # the run log must hold every failure, of whatever kind
        traceback.print_exc()
        status, reason = ExitStatus.FAILED, _one_line(error)
    seconds = time.monotonic() - started
    result = RunResult(
        name, context.start_ds, context.end_ds, seconds, context.settings.version, status.name.lower(), reason
    )
    try:
        write_run(context.warehouse, result, context.counts)
    except Exception as error:  # a log that cannot be written must not hide the job's own outcome
        print(f"{name}: ops.job_runs could not be written: {_one_line(error)}", file=sys.stderr)
    return _end(name, status, reason or _summary(context, seconds))


def _summary(context: JobContext, seconds: float) -> str:
    counts = context.counts
    parts = [f"{context.start_ds}..{context.end_ds}"]
    for label, value in (
        ("in", counts.rows_in),
        ("out", counts.rows_out),
        ("quarantined", counts.rows_quarantined),
    ):
        if value is not None:
            parts.append(f"{value:,} rows {label}")
    return f"{', '.join(parts)}, {seconds:.1f} s"


def _end(name: str, status: ExitStatus, message: str) -> ExitStatus:
    words = {"DONE": "done", "FAILED": "failed", "REFUSED": "refused", "CHECK_FAILED": "data check failed"}
    print(f"{name}: {words[status.name]}: {message}", file=sys.stderr, flush=True)
    return status


def _one_line(error: BaseException) -> str:
    without_java_trace = str(error).split("\n\tat ")[0].split("JVM stacktrace")[0]
    text = " ".join(without_java_trace.split()) or type(error).__name__
    return text if len(text) <= 1000 else f"{text[:1000]}..."
