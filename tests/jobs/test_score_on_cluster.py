"""The same scores on one core, two cores and a cluster, whatever is killed; a killed driver leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import Row, SparkSession

from jobs.common.ddl import read_view
from jobs.common.model_registry import ModelRegistry
from jobs.common.publication import PUBLISHED_DAYS
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.score_advertisers import SCORES
from tests.jobs.cluster import (
    OPTIONS,
    Cluster,
    away_from_this_project,
    python_without_this_project,
    standalone_cluster,
)
from tests.jobs.code_zip import ROOT, write_code_zip
from tests.jobs.processes import Running, kill_group, python_workers, wait_for_new_file, wait_until
from tests.jobs.rows import arguments, content, copied
from tests.jobs.scored_world import (
    BEFORE,
    FIRST,
    LAST,
    MODEL,
    build_scored_world,
    predictions,
    scored_rows,
    sequence_keys,
)
from tests.jobs.submitted import submit

pytestmark = pytest.mark.slow

DATA = "ds=*/*.parquet"
# One task per file, however small: enough of them that a kill meets some at work and some not yet begun.
ONE_FILE_A_TASK = ("--conf", "spark.sql.files.openCostInBytes=128m")
PROBE = """
import json, os, sys
from pyspark.sql import Row, SparkSession

def seen(number):
    import jobs, m2m
    return [os.path.abspath(jobs.__file__), os.path.abspath(m2m.__file__), sys.prefix]

spark = SparkSession.builder.getOrCreate()
print(json.dumps(spark.sparkContext.parallelize(range(8), 8).map(seen).collect()))
spark.stop()
"""


@pytest.fixture(scope="module")
def world(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Ready to be scored; copied, never changed."""
    return build_scored_world(spark, settings, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def undisturbed(world: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The rows of a run with local[2] that nobody disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    warehouse = copied(world, folder)
    finish(score(warehouse, folder, ["--master", "local[2]"]), folder)
    return scored_rows(warehouse)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with a Python that finds this project's packages, but not this project."""
    return away_from_this_project(python_without_this_project(tmp_path_factory.mktemp("python")))


@pytest.fixture(scope="module")
def cluster(elsewhere: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone_cluster(tmp_path_factory.mktemp("cluster"), elsewhere) as running:
        yield running


@dataclass(frozen=True)
class Place:
    """The cluster, spark-submit's options for it (master, code, sizes), and the environment to submit from."""

    cluster: Cluster
    options: list[str]
    environment: dict[str, str]

    def score(self, warehouse: Warehouse, folder: Path) -> Running:
        return score(warehouse, folder, self.options, self.environment)


@pytest.fixture(scope="module")
def place(cluster: Cluster, elsewhere: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Place:
    code = write_code_zip(tmp_path_factory.mktemp("code") / "code.zip")
    sizes = [word for key, value in OPTIONS.items() for word in ("--conf", f"{key}={value}")]
    return Place(cluster, ["--master", cluster.url, "--py-files", str(code), *sizes], elsewhere)


def score(
    warehouse: Warehouse, folder: Path, options: Sequence[str], environment: dict[str, str] | None = None
) -> Running:
    """Start scoring FIRST..LAST from an empty folder."""
    (folder / "empty").mkdir(exist_ok=True)
    options = [*options, *ONE_FILE_A_TASK]
    days = arguments(warehouse, FIRST, LAST)
    return submit("score_advertisers", days, folder / "empty", folder / "log", options, environment)


def finish(run: Running, folder: Path, cluster: Cluster | None = None) -> str:
    """Wait for the end, which must be a good one; what the run said."""
    status, log = run.wait(timeout=300), (folder / "log").read_text()
    assert status == 0, log + (cluster.logs() if cluster else "")
    assert list((folder / "empty").iterdir()) == []
    return log


def require_same(found: pa.Table, undisturbed: pa.Table) -> None:
    """Every pair once, with the same scores to the last bit."""
    assert found.num_rows == undisturbed.num_rows
    np.testing.assert_allclose(predictions(found), predictions(undisturbed), rtol=1e-5, atol=0)
    assert found.equals(undisturbed)


def test_every_pair_is_scored_once_by_the_champion(world: Warehouse, undisturbed: pa.Table) -> None:
    assert undisturbed.select(["ds", "advertiser_id", "scenario_id"]).equals(sequence_keys(world))
    champion = ModelRegistry("demo", world.root).find(MODEL)
    origin = undisturbed.select(["model_version", "model_sha256"]).group_by(["model_version", "model_sha256"])
    assert origin.aggregate([]).to_pylist() == [{"model_version": MODEL, "model_sha256": champion.sha256}]
    assert len(np.unique(predictions(undisturbed)[:, 0])) > 0.5 * undisturbed.num_rows


def test_one_core_gives_the_same_scores(world: Warehouse, undisturbed: pa.Table, tmp_path: Path) -> None:
    warehouse = copied(world, tmp_path)
    finish(score(warehouse, tmp_path, ["--master", "local[1]"]), tmp_path)
    require_same(scored_rows(warehouse), undisturbed)


def test_a_cluster_gives_the_same_scores(
    world: Warehouse, undisturbed: pa.Table, place: Place, tmp_path: Path
) -> None:
    warehouse = copied(world, tmp_path)
    finish(place.score(warehouse, tmp_path), tmp_path, place.cluster)
    require_same(scored_rows(warehouse), undisturbed)
    stored = list(place.cluster.folder.glob("worker*/app-*/*/code.zip"))
    assert {path.parts[-4] for path in stored} == {"worker0", "worker1"}


def test_executors_import_the_code_from_the_zip_and_find_it_nowhere_else(
    place: Place, tmp_path: Path
) -> None:
    python = place.environment["PYSPARK_PYTHON"]
    for package in ("jobs", "m2m"):
        command = [python, "-c", f"import pyspark, torch, {package}"]
        alone = subprocess.run(command, cwd=tmp_path, env=place.environment, capture_output=True, text=True)
        assert alone.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{package}'"
    (tmp_path / "probe.py").write_text(PROBE)
    command = ["spark-submit", *place.options, str(tmp_path / "probe.py")]
    asked = subprocess.run(
        command, cwd=tmp_path, env=place.environment, capture_output=True, text=True, timeout=180
    )
    assert asked.returncode == 0, asked.stderr + place.cluster.logs()
    seen = {tuple(answer) for answer in json.loads(asked.stdout.splitlines()[-1])}
    folders = {str(Path(jobs).parents[2]) for jobs, _, _ in seen}
    assert {Path(folder).parents[1].name for folder in folders} == {"worker0", "worker1"}
    prefix = str(Path(python).parents[1])
    assert seen == {
        (f"{folder}/code.zip/jobs/__init__.py", f"{folder}/code.zip/m2m/__init__.py", prefix)
        for folder in folders
    }


def test_a_killed_executor_changes_nothing(
    world: Warehouse, undisturbed: pa.Table, place: Place, tmp_path: Path
) -> None:
    warehouse, log = copied(world, tmp_path), tmp_path / "log"
    run = place.score(warehouse, tmp_path)
    wait_for_new_file(warehouse.path(SCORES), DATA, run, log)
    kill_until_a_task_is_lost(run, log, lambda: executors_at_work(place.cluster), seconds=3)
    told = finish(run, tmp_path, place.cluster)
    assert re.search(r"Lost task .*ExecutorLostFailure", told), told
    require_same(scored_rows(warehouse), undisturbed)


def test_a_killed_python_worker_changes_nothing_with_the_projects_own_local_master(
    world: Warehouse, undisturbed: pa.Table, tmp_path: Path
) -> None:
    command = ["bash", "-c", f"unset MASTER; . {ROOT}/setup/env.sh; env -0"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    environment = dict(line.split("=", 1) for line in printed.split("\0") if line)
    warehouse, log = copied(world, tmp_path), tmp_path / "log"
    run = score(warehouse, tmp_path, [], environment)
    wait_for_new_file(warehouse.path(SCORES), DATA, run, log)
    kill_until_a_task_is_lost(run, log, lambda: python_workers(run.pid), seconds=0.2)
    told = finish(run, tmp_path)
    assert re.search(r"Lost task .*Python worker exited unexpectedly", told), told
    require_same(scored_rows(warehouse), undisturbed)


def executors_at_work(cluster: Cluster) -> list[int]:
    return [pid for pid in cluster.executors() if python_workers(pid)]


def kill_until_a_task_is_lost(
    run: Running, log: Path, victims: Callable[[], list[int]], seconds: float
) -> None:
    """One after the other, `seconds` apart: a process that waits for its next task can be killed without harm."""
    while "Lost task" not in log.read_text() and run.poll() is None:
        for pid in victims()[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # The driver needs a moment to notice; another victim meanwhile could be one too many for a task.
        until = time.monotonic() + seconds
        while "Lost task" not in log.read_text() and run.poll() is None and time.monotonic() < until:
            time.sleep(0.1)


def test_a_killed_driver_publishes_nothing_and_the_next_run_is_as_if_it_had_not_been(
    world: Warehouse, undisturbed: pa.Table, place: Place, tmp_path: Path
) -> None:
    warehouse, log = copied(world, tmp_path), tmp_path / "log"
    before = as_consumers_see(warehouse)
    run = place.score(warehouse, tmp_path)
    wait_for_new_file(warehouse.path(SCORES), DATA, run, log)
    assert kill_group(run) == -signal.SIGKILL, log.read_text()
    assert as_consumers_see(warehouse) == before
    wait_until(lambda: not place.cluster.executors(), place.cluster.logs)

    finish(place.score(warehouse, tmp_path), tmp_path, place.cluster)
    require_same(scored_rows(warehouse), undisturbed)
    assert as_consumers_see(warehouse)[:2] == before[:2]


def as_consumers_see(warehouse: Warehouse) -> tuple[list[Row], list[Row], list[Row]]:
    """Published days, the view of the scores, and the whole table behind it."""
    select = read_view(SCORES).split(" AS\n", 1)[1]
    for table in (SCORES, PUBLISHED_DAYS):
        select = select.replace(table, f"delta.`{warehouse.path(table)}`")
    shown = content(warehouse.spark.sql(select))
    assert {row.ds for row in shown} == {BEFORE}
    return content(warehouse.read(PUBLISHED_DAYS)), shown, content(warehouse.read(SCORES))
