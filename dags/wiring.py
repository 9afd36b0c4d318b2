"""What the DAGs share: the operator that runs one Spark job, the daily chain, the dates, the params.

Needs the Airflow connection `spark_default` and the pool `spark`. Environment:
M2M_HOME (folder that holds jobs/; default: the folder above this one), M2M_SETTINGS and M2M_WAREHOUSE (passed
on to every job when set), M2M_RETRY_SECONDS (wait before a retry; default 300).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset, Context, Param, chain
from airflow.sdk.exceptions import AirflowException, AirflowFailException

HOME = Path(os.environ.get("M2M_HOME") or Path(__file__).resolve().parents[1])
SPARK_POOL = "spark"
SPARK_CONNECTION = "spark_default"
FIRST_DAY = datetime(2026, 1, 1)
# Earlier days whose facts were corrected are built again with the day itself; more than these are told and left.
STALE_DAYS = 40
OWNER = "advertiser-engagement"
# Refused arguments or settings (2) and a failed data check (3): the same run would end the same way again.
FINAL_EXIT_STATUS = re.compile(r"Error code is: [23]\b")

REWARDED_TASK = Asset("engagement.rewarded_task")
PUSH_MESSAGE = Asset("engagement.push_message")

DAG_DEFAULTS: dict[str, Any] = {
    "owner": OWNER,
    "depends_on_past": False,
    "retries": 2,
    "retry_delay": timedelta(seconds=int(os.environ.get("M2M_RETRY_SECONDS") or 300)),
    "execution_timeout": timedelta(hours=2),
}


def date_param(description: str, **schema: Any) -> Param:
    """A day written YYYY-MM-DD that must be given."""
    return Param(type="string", format="date", description=description, **schema)


def run_date_param() -> Param:
    """The day to work on instead of the data interval's own; runs without a logical date need it."""
    return Param(
        None,
        type=["null", "string"],
        format="date",
        description="Day to work on, YYYY-MM-DD; empty: the last day of the data interval.",
    )


def run_day(run_date: str | None, data_interval_end: datetime | None, days_back: int = 0) -> str:
    """The day a run is about, YYYY-MM-DD, less `days_back`: the param if given, else the interval's last day.

    Raises ValueError for a run that has neither.
    """
    if run_date:
        day = date.fromisoformat(run_date)
    elif data_interval_end:
        day = data_interval_end.date() - timedelta(days=1)
    else:
        raise ValueError('this run has no data interval: name its day, e.g. {"run_date": "2026-04-30"}')
    return str(day - timedelta(days=days_back))


class SparkJobOperator(SparkSubmitOperator):
    """spark-submit of one job; exit statuses that a retry cannot change fail the task at once."""

    def execute(self, context: Context) -> None:
        """Submit and wait. Raises AirflowFailException (no retry) for exit status 2 or 3."""
        try:
            super().execute(context)
        except AirflowException as error:
            if FINAL_EXIT_STATUS.search(str(error)):
                raise AirflowFailException(str(error)) from error
            raise


def spark_job(
    job: str, start_ds: str, end_ds: str, arguments: Sequence[str] = (), **operator: Any
) -> SparkJobOperator:
    """One Spark job, `jobs/<job>.py`, over the days start_ds..end_ds (templates), in the pool for Spark."""
    arguments = ["--start-ds", start_ds, "--end-ds", end_ds, *arguments]
    for flag, variable in (("--settings", "M2M_SETTINGS"), ("--warehouse", "M2M_WAREHOUSE")):
        if os.environ.get(variable):
            arguments += [flag, os.environ[variable]]
    return SparkJobOperator(
        task_id=job,
        application=str(HOME / "jobs" / f"{job}.py"),
        application_args=arguments,
        name=job,
        conn_id=SPARK_CONNECTION,
        pool=SPARK_POOL,
        **operator,
    )


def engagement_chain(start_ds: str, end_ds: str) -> None:
    """Facts to published tables for the days start_ds..end_ds (templates), one Spark job per step.

    A failed check is not retried: the same data would fail again. Only `publish` updates the assets, so their
    consumers never see a day that has not passed.
    """
    chain(
        spark_job("ingest_facts", start_ds, end_ds),
        spark_job("build_sequences", start_ds, end_ds, arguments=("--stale-days", str(STALE_DAYS))),
        spark_job("check_sequences", start_ds, end_ds, retries=0),
        spark_job("score_advertisers", start_ds, end_ds),
        spark_job("check_scores", start_ds, end_ds, retries=0),
        spark_job("select_candidates", start_ds, end_ds),
        spark_job("produce_engagement", start_ds, end_ds),
        spark_job("publish", start_ds, end_ds, outlets=[REWARDED_TASK, PUSH_MESSAGE]),
    )
