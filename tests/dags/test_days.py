"""Which days a run is about: rendered arguments, with and without a run date, and the operator's end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

from dags.wiring import SparkJobOperator, run_day, spark_job

MIDNIGHT = pendulum.datetime(2026, 5, 1)


def rendered_days(dag: DAG, task_id: str, params: Mapping[str, Any], **more: Any) -> list[str]:
    """The --start-ds and --end-ds that a run with these params would pass."""
    task = dag.get_task(task_id)
    defaults = {name: dag.params.get_param(name).value for name in dag.params}
    context: Any = {"params": {**defaults, **params}, **more}
    arguments = task.render_template(task.application_args, context, dag.get_template_env())
    return [arguments[1], arguments[3]]


def test_a_scheduled_run_is_about_the_day_of_its_interval(dag_bag: DagBag) -> None:
    days = rendered_days(dag_bag.dags["daily_engagement"], "publish", {}, data_interval_end=MIDNIGHT)
    assert days == ["2026-04-30", "2026-04-30"]


def test_maintenance_takes_the_closed_days_that_end_with_the_interval(dag_bag: DagBag) -> None:
    dag = dag_bag.dags["table_maintenance"]
    days = rendered_days(dag, "table_maintenance", {}, data_interval_end=MIDNIGHT.add(hours=12))
    assert days == ["2026-04-03", "2026-04-30"]
    days = rendered_days(dag, "table_maintenance", {"run_date": "2026-03-31", "closed_days": 1})
    assert days == ["2026-03-31", "2026-03-31"]


def test_the_interval_is_one_whole_day() -> None:
    timetable = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
    run = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval(
            pendulum.datetime(2026, 4, 29), pendulum.datetime(2026, 4, 30)
        ),
        restriction=TimeRestriction(earliest=None, latest=None, catchup=True),
    )
    assert run is not None
    assert (run.data_interval.start, run.data_interval.end) == (pendulum.datetime(2026, 4, 30), MIDNIGHT)


def test_the_run_date_wins_over_the_interval(dag_bag: DagBag) -> None:
    dag = dag_bag.dags["daily_engagement"]
    params = {"run_date": "2026-04-02"}
    assert rendered_days(dag, "ingest_facts", params, data_interval_end=MIDNIGHT) == ["2026-04-02"] * 2


def test_a_run_without_a_logical_date_needs_only_the_param(dag_bag: DagBag) -> None:
    dag = dag_bag.dags["daily_engagement"]
    assert rendered_days(dag, "ingest_facts", {"run_date": "2026-04-02"}) == ["2026-04-02"] * 2
    with pytest.raises(ValueError, match="run_date"):
        rendered_days(dag, "ingest_facts", {})


def test_training_ends_where_labels_are_complete(dag_bag: DagBag) -> None:
    dag = dag_bag.dags["weekly_training"]
    days = rendered_days(dag, "train_model", {}, data_interval_end=MIDNIGHT)
    assert days == ["2026-02-09", "2026-04-23"]
    days = rendered_days(
        dag, "build_samples", {"run_date": "2026-04-10", "training_days": 30, "horizon_days": 3}
    )
    assert days == ["2026-03-09", "2026-04-07"]


def test_a_backfill_passes_its_range_on(dag_bag: DagBag) -> None:
    dag = dag_bag.dags["range_backfill"]
    days = {"start_ds": "2026-04-01", "end_ds": "2026-04-14"}
    for task in dag.tasks:
        assert rendered_days(dag, task.task_id, days) == ["2026-04-01", "2026-04-14"]


def test_run_day_counts_back() -> None:
    assert run_day("2026-03-01", None, 1) == "2026-02-28"


def test_settings_and_warehouse_are_passed_on_when_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("M2M_SETTINGS", "M2M_WAREHOUSE"):
        monkeypatch.delenv(variable, raising=False)
    assert spark_job("publish", "a", "b").application_args == ["--start-ds", "a", "--end-ds", "b"]
    monkeypatch.setenv("M2M_SETTINGS", "own.yaml")
    monkeypatch.setenv("M2M_WAREHOUSE", "s3a://bucket/warehouse")
    arguments = spark_job("publish", "a", "b").application_args
    assert arguments[4:] == ["--settings", "own.yaml", "--warehouse", "s3a://bucket/warehouse"]


@pytest.mark.parametrize(("status", "final"), [(1, False), (2, True), (3, True), (23, False), (137, False)])
def test_refusals_and_failed_checks_are_not_retried(
    monkeypatch: pytest.MonkeyPatch, status: int, final: bool
) -> None:
    def submit(self: SparkSubmitOperator, context: object) -> None:
        raise AirflowException(
            f"Cannot execute: spark-submit. Error code is: {status}. data check failed: 3 rows"
        )

    monkeypatch.setattr(SparkSubmitOperator, "execute", submit)
    with pytest.raises(AirflowException) as caught:
        SparkJobOperator(task_id="check_scores").execute({})
    assert isinstance(caught.value, AirflowFailException) == final
