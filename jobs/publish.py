"""Audit the offers of a day range and show them to consumers, all days at once or none.

Reads every table of the range and the results of both check jobs; replaces the days in ops.published_days,
which the consumers' views follow. Ends with status 3, with nothing published, when a query of
sql/*/checks.sql finds offending rows.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs.common.check_results import CHECK_RESULTS, SUITES, passed_suites
from jobs.common.ddl import CONSUMER_TABLES, read_checks
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.publication import PublishedDay, publish_days
from jobs.common.side_by_side import side_by_side
from jobs.produce_engagement import PUSH_MESSAGE, REWARDED_TASK
from jobs.select_candidates import CANDIDATES
from jobs.transforms.week_before import days_of

SHOWN_PROBLEMS = 3


def publish(context: JobContext) -> None:
    """Publish the range; raises DataCheckError naming the day and what stands against it."""
    require_passed_checks(context)
    days, _ = side_by_side(context.spark, lambda: count_days(context), lambda: refuse_offenders(context))
    publish_days(context.warehouse, days, context.start_ds, context.end_ds)
    context.counts.rows_in = sum(selected for _, _, selected, _, _ in days)
    context.counts.rows_out = len(days)


def require_passed_checks(context: JobContext) -> None:
    """Both suites must have passed for every day."""
    passed = passed_suites(context.warehouse, context.start_ds, context.end_ds)
    for day in days_of(context.start_ds, context.end_ds):
        for suite in SUITES:
            if (day, suite) not in passed:
                raise DataCheckError(
                    f"{CHECK_RESULTS} holds no passed check of suite {suite} for {day}; run check_{suite}"
                )


def count_days(context: JobContext) -> list[PublishedDay]:
    """What each day holds, from one query; raises DataCheckError for a day without candidates."""
    candidates, tasks, messages = (
        context.warehouse.read_days(table, context.start_ds, context.end_ds)
        for table in (CANDIDATES, REWARDED_TASK, PUSH_MESSAGE)
    )
    chosen = candidates.select("ds", "model_version", F.col("selected").cast("long").alias("chosen"))
    rows = chosen.unionByName(_marked(tasks, "tasks"), allowMissingColumns=True).unionByName(
        _marked(messages, "messages"), allowMissingColumns=True
    )
    offers = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("tasks", "messages")]
    per_day = rows.groupBy("ds").agg(F.max("model_version"), F.sum("chosen").alias("chosen"), *offers)
    # Only candidates have the column, so a day without any has no sum.
    found = {row["ds"]: row for row in per_day.collect() if row["chosen"] is not None}
    days = days_of(context.start_ds, context.end_ds)
    missing = [day for day in days if day not in found]
    if missing:
        raise DataCheckError(
            f"{CANDIDATES} has no rows of {missing[0]}; run select_candidates and produce_engagement"
        )
    return [(day, *found[day][1:]) for day in days]


def refuse_offenders(context: JobContext) -> None:
    """Audit the tables of the range; raises DataCheckError naming the first problems found."""
    tables = {
        name: context.warehouse.read_days(name, context.start_ds, context.end_ds) for name in CONSUMER_TABLES
    }
    told = [f"{r['problem']} on {r['ds']}: {r['rows']} rows, such as {r['example']}" for r in audit(tables)]
    if told:
        more = f"; and {len(told) - SHOWN_PROBLEMS} more" if len(told) > SHOWN_PROBLEMS else ""
        raise DataCheckError(f"{'; '.join(told[:SHOWN_PROBLEMS])}{more}; nothing is published")


def audit(tables: dict[str, DataFrame]) -> list[Row]:
    """Run every query of sql/*/checks.sql over the given tables, in one Spark job.

    Returns (ds, problem, rows, example) of each problem found, days in order.
    """
    views = {name.split(".")[-1]: table for name, table in tables.items()}
    for name, table in views.items():
        table.createOrReplaceTempView(name)
    queries = [query for table in CONSUMER_TABLES for query in read_checks(table).values()]
    spark = next(iter(views.values())).sparkSession
    offenders = spark.sql(" UNION ALL ".join(f"({query})" for query in queries)).groupBy("ds", "problem")
    found = offenders.agg(F.count(F.lit(1)).alias("rows"), F.min("offender").alias("example")).collect()
    for name in views:
        spark.catalog.dropTempView(name)
    return sorted(found, key=lambda row: (row["ds"], row["problem"]))


def _marked(table: DataFrame, name: str) -> DataFrame:
    return table.select("ds", F.lit(1).cast("long").alias(name))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    return run_job("publish", publish, __doc__, argv)


if __name__ == "__main__":
    sys.exit(main())
