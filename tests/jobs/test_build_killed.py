"""build_sequences killed while it writes, and between its two commits: the next run leaves the same rows."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import build_sequences
from jobs.build_sequences import SEQUENCES
from jobs.common.freshness import FeatureInputs, stale_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.transforms.week_before import days_of
from tests.benchmarks.facts_world import day_of, write_facts
from tests.jobs.processes import kill_group, wait_for_new_file
from tests.jobs.rows import arguments, content, copied
from tests.jobs.submitted import submit

pytestmark = pytest.mark.slow

PAIRS, DAYS = 300, 24
BEFORE, FIRST, LAST = day_of(11), day_of(12), day_of(DAYS - 1)
DATA, COMMIT = "ds=*/*.parquet", "_delta_log/00000000000000000001.json"


@pytest.fixture(scope="module")
def begun(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Facts, and the sequences of the day before the range; copied, never changed."""
    warehouse = Warehouse(spark, str(write_facts(tmp_path_factory.mktemp("world"), PAIRS, DAYS)))
    assert build_sequences.main(arguments(warehouse, BEFORE)) == 0
    return warehouse


@pytest.fixture(scope="module")
def undisturbed(begun: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """The range built without a kill."""
    warehouse = copied(begun, tmp_path_factory.mktemp("undisturbed"))
    assert build_sequences.main(arguments(warehouse, FIRST, LAST)) == 0
    return warehouse


@pytest.mark.parametrize(
    ("moment", "is_committed"), [(DATA, False), (COMMIT, True)], ids=["writing", "committed"]
)
def test_a_killed_build_run_again_leaves_the_rows_of_an_undisturbed_one(
    moment: str,
    is_committed: bool,
    begun: Warehouse,
    undisturbed: Warehouse,
    settings: Settings,
    tmp_path: Path,
) -> None:
    killed = copied(begun, tmp_path)
    before, rows_before = days_held(killed), killed.read(SEQUENCES).count()
    kill_when_there(killed, moment, tmp_path)

    table = Path(killed.path(SEQUENCES))
    assert (table / COMMIT).exists() is is_committed
    wanted = days_of(FIRST, LAST)
    assert days_held(killed) == (before | set(wanted) if is_committed else before)
    if not is_committed:
        assert killed.read(SEQUENCES).count() == rows_before
    # Committed but not recorded: nobody knows what these days were built from.
    stale = stale_days(killed, FeatureInputs.read(killed, settings), SEQUENCES)
    assert stale == (wanted if is_committed else [])

    assert build_sequences.main(arguments(killed, FIRST, LAST)) == 0
    assert stale_days(killed, FeatureInputs.read(killed, settings), SEQUENCES) == []
    assert content(killed.read(SEQUENCES)) == content(undisturbed.read(SEQUENCES))
    assert days_held(killed) == before | set(wanted)


def kill_when_there(warehouse: Warehouse, moment: str, folder: Path) -> None:
    """Run the job as a process and kill it, with all it started, once the table has a new file of this pattern."""
    log = folder / "log"
    run = submit("build_sequences", arguments(warehouse, FIRST, LAST), folder, log)
    wait_for_new_file(warehouse.path(SEQUENCES), moment, run, log)
    assert kill_group(run) == -signal.SIGKILL, log.read_text()


def days_held(warehouse: Warehouse) -> set[object]:
    """Days with rows in the table as readers see it."""
    return {row.ds for row in warehouse.read(SEQUENCES).select("ds").distinct().collect()}
