"""Policies that hold for every DAG, and the wiring of each."""

from __future__ import annotations

import copy
import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import ParamValidationError

from tests.dags.chain import CHAIN

ROOT = Path(__file__).resolve().parents[2]
STEPS = {
    "daily_engagement": CHAIN,
    "range_backfill": CHAIN,
    "table_maintenance": ["table_maintenance"],
    "weekly_training": ["build_samples", "train_model"],
}
BAD_DATES = [
    "2026-13-01",
    "2026-02-30",
    "20260401",
    "2026-4-1",
    "2026-04-01'; drop table x",
    "../2026-04-01",
    "",
]


def param_of(dag_bag: DagBag, dag_id: str, name: str) -> Param:
    """A copy: a param keeps the value it resolved last."""
    return copy.deepcopy(dag_bag.dags[dag_id].params.get_param(name))


@pytest.fixture(params=sorted(STEPS))
def dag(request: pytest.FixtureRequest, dag_bag: DagBag) -> DAG:
    return dag_bag.dags[request.param]


def test_every_dag_file_gives_its_dag(dag_bag: DagBag) -> None:
    assert dag_bag.import_errors == {}
    assert sorted(dag_bag.dags) == sorted(STEPS)


def test_every_dag_says_what_it_is(dag: DAG) -> None:
    assert dag.description and dag.doc_md and dag.tags
    assert dag.catchup is False
    assert dag.max_active_runs == 1


def test_every_task_is_bounded_and_owned(dag: DAG) -> None:
    assert dag.tasks
    for task in dag.tasks:
        assert task.owner == "advertiser-engagement"
        assert task.pool == "spark"
        assert task.execution_timeout and timedelta(0) < task.execution_timeout <= timedelta(hours=12)
        assert task.retry_delay > timedelta(0)


def test_jobs_are_retried_and_checks_are_not(dag: DAG) -> None:
    for task in dag.tasks:
        assert (task.retries == 0) == task.task_id.startswith("check_"), task.task_id


def test_steps_run_one_after_another(dag: DAG) -> None:
    steps = STEPS[dag.dag_id]
    assert [task.task_id for task in dag.topological_sort()] == steps
    for before, after in itertools.pairwise(steps):
        assert dag.get_task(before).downstream_task_ids == {after}


def test_every_task_runs_the_job_of_its_name(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.application == str(ROOT / "jobs" / f"{task.task_id}.py")
        assert task.template_fields and "application_args" in task.template_fields


@pytest.mark.parametrize("dag_id", ["daily_engagement", "range_backfill"])
def test_only_publish_updates_the_assets(dag_bag: DagBag, dag_id: str) -> None:
    outlets = {
        task.task_id: sorted(asset.name for asset in task.outlets) for task in dag_bag.dags[dag_id].tasks
    }
    assert outlets.pop("publish") == ["engagement.push_message", "engagement.rewarded_task"]
    assert not any(outlets.values())


@pytest.mark.parametrize("value", BAD_DATES)
@pytest.mark.parametrize("dag_id", ["daily_engagement", "table_maintenance", "weekly_training"])
def test_a_bad_run_date_is_refused(dag_bag: DagBag, dag_id: str, value: str) -> None:
    param = param_of(dag_bag, dag_id, "run_date")
    with pytest.raises(ParamValidationError):
        param.resolve(value)


@pytest.mark.parametrize("value", [None, "2026-02-28"])
def test_a_run_date_may_be_left_out(dag_bag: DagBag, value: str | None) -> None:
    assert param_of(dag_bag, "daily_engagement", "run_date").resolve(value) == value


@pytest.mark.parametrize("name", ["start_ds", "end_ds"])
def test_a_backfill_must_name_its_days(dag_bag: DagBag, name: str) -> None:
    param = param_of(dag_bag, "range_backfill", name)
    assert param.resolve("2026-04-01") == "2026-04-01"
    for bad in [None, *BAD_DATES]:
        with pytest.raises(ParamValidationError):
            param.resolve(bad)
    with pytest.raises(ParamValidationError):
        param_of(dag_bag, "range_backfill", name).resolve()


@pytest.mark.parametrize(
    ("name", "value"), [("training_days", 29), ("training_days", "74"), ("horizon_days", 0)]
)
def test_bad_training_params_are_refused(dag_bag: DagBag, name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        param_of(dag_bag, "weekly_training", name).resolve(value)


@pytest.mark.parametrize("value", [0, 1096, "28", None])
def test_a_bad_number_of_closed_days_is_refused(dag_bag: DagBag, value: object) -> None:
    with pytest.raises(ParamValidationError):
        param_of(dag_bag, "table_maintenance", "closed_days").resolve(value)
