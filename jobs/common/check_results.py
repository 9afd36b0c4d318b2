"""ops.check_results: what every check found, by suite, day and expectation, and the error that follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, DateType, StringType, StructField, StructType

from jobs.common.ddl import absolute_path
from jobs.common.expectations import Verdict
from jobs.common.job import DataCheckError
from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse, through_conflicts

CHECK_RESULTS = "ops.check_results"
SUITES = ("sequences", "scores")
SCHEMA = StructType(
    [
        StructField("job", StringType()),
        StructField("suite", StringType()),
        StructField("ds", DateType()),
        StructField("expectation", StringType()),
        StructField("column", StringType()),
        StructField("observed", StringType()),
        StructField("expected", StringType()),
        StructField("success", BooleanType()),
    ]
)
PARTITIONS = ("suite", "ds")
SHOWN_FAILURES = 3


def write_verdicts(warehouse: Warehouse, job: str, verdicts: Sequence[Verdict]) -> None:
    """Replace this suite's results of the checked days, in one commit."""
    rows = [
        (
            job,
            v.suite,
            v.ds,
            v.promise.expectation,
            v.promise.column,
            f"{v.observed:g}",
            v.promise.expected,
            v.success,
        )
        for v in verdicts
    ]
    days, suite = [v.ds for v in verdicts], verdicts[0].suite
    condition = f"suite = '{suite}' and ds >= date'{min(days)}' and ds <= date'{max(days)}'"
    warehouse.replace_where(small_frame(warehouse.spark, rows, SCHEMA), CHECK_RESULTS, condition, PARTITIONS)


def forget_verdicts(warehouse: Warehouse, suites: Sequence[str], ranges: Sequence[tuple[date, date]]) -> None:
    """Say nothing of the rows of these days any more, both ends included; call it before they are replaced.

    A verdict is about rows: on other rows of the same day it must not let `publish` through. One commit, none when
    nothing was said. Raises ValueError for a suite that is not in SUITES.
    """
    unknown = [suite for suite in suites if suite not in SUITES]
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is no suite of checks; expected some of {', '.join(SUITES)}")
    if not warehouse.exists(CHECK_RESULTS):
        return
    named = ", ".join(f"'{suite}'" for suite in suites)
    days = " or ".join(f"(ds >= date'{start}' and ds <= date'{end}')" for start, end in ranges)
    table = f"delta.`{absolute_path(warehouse.path(CHECK_RESULTS))}`"
    # Whole partitions: their files leave the table unread.
    statement = f"DELETE FROM {table} WHERE suite in ({named}) and ({days})"
    through_conflicts(lambda: warehouse.spark.sql(statement))


def refuse_failures(verdicts: Sequence[Verdict]) -> None:
    """Raise DataCheckError naming suite, expectation, day, column, observed and expected of what failed."""
    failed = [str(verdict) for verdict in verdicts if not verdict.success]
    if not failed:
        return
    more = (
        f" (and {len(failed) - SHOWN_FAILURES} more in {CHECK_RESULTS})"
        if len(failed) > SHOWN_FAILURES
        else ""
    )
    raise DataCheckError("; ".join(failed[:SHOWN_FAILURES]) + more)


def passed_suites(warehouse: Warehouse, start_ds: date, end_ds: date) -> set[tuple[date, str]]:
    """The (day, suite) of which every result is a success."""
    results = (
        warehouse.read_days(CHECK_RESULTS, start_ds, end_ds)
        .groupBy("ds", "suite")
        .agg(F.min("success").alias("ok"))
    )
    return {(row["ds"], row["suite"]) for row in results.where("ok").collect()}
