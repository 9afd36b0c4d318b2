"""One whole run of daily_engagement by Airflow, with real spark-submits, over a day made before: nothing changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import Row

from tests.dags.chain import CHAIN
from tests.small_world import SCORED, SmallWorld

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
DAY = date.fromisoformat(SCORED[1])
TABLES = (
    "facts.advertiser_daily",
    "facts.advertiser_profile",
    "quarantine.advertiser_daily",
    "features.sequences",
    "scores.advertiser_scores",
    "engagement.candidates",
    "engagement.rewarded_task",
    "engagement.push_message",
    "ops.published_days",
    "ops.check_results",
)


def content(world: SmallWorld, table: str) -> list[Row]:
    """All rows of a table apart from when they were computed, in a fixed order."""
    return sorted(world.warehouse.read(table).drop("scored_at").collect(), key=str)


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with an Airflow database of its own."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[2]"}),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYSPARK_PYTHON": sys.executable,
        "M2M_RETRY_SECONDS": "1",
    }
    for command in (["airflow", "db", "migrate"], ["airflow", "pools", "set", "spark", "1", "Spark jobs"]):
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    return environment


def run_dag(
    environment: dict[str, str], world: SmallWorld, run_date: str
) -> subprocess.CompletedProcess[str]:
    where = {"M2M_WAREHOUSE": world.warehouse.root, "M2M_SETTINGS": str(world.settings_file)}
    command = ["airflow", "dags", "test", "daily_engagement", "--conf", json.dumps({"run_date": run_date})]
    return subprocess.run(command, env={**environment, **where}, capture_output=True, text=True, timeout=900)


def test_a_second_run_of_the_day_by_airflow_leaves_every_table_as_it_was(
    small_world: SmallWorld, airflow_home: dict[str, str]
) -> None:
    before = {table: content(small_world, table) for table in TABLES}
    runs_before = small_world.warehouse.read("ops.job_runs").count()
    ran = run_dag(airflow_home, small_world, str(DAY))
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    for table in TABLES:
        assert content(small_world, table) == before[table], table
    runs = small_world.warehouse.read("ops.job_runs").orderBy("finished_at").collect()
    assert [(r.job, r.status, r.start_ds, r.end_ds) for r in runs[runs_before:]] == [
        (task, "done", DAY, DAY) for task in CHAIN
    ]


def test_a_failed_check_stops_the_run_before_anything_is_scored_or_published(
    small_world: SmallWorld, airflow_home: dict[str, str]
) -> None:
    # Nothing landed for this day: no facts, so the newest facts are a day behind.
    next_day = "2026-04-01"
    ran = run_dag(airflow_home, small_world, next_day)
    output = ran.stdout + ran.stderr
    assert ran.returncode != 0
    assert "has no file for 2026-04-01" in output or "data check failed" in output
    for table in ("scores.advertiser_scores", "engagement.candidates", "ops.published_days"):
        assert small_world.warehouse.newest_day(table) == DAY, table
