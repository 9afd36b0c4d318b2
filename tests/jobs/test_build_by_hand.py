"""build_sequences as a person runs it: from any folder, and what it says when it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from jobs import build_sequences
from jobs.build_sequences import SEQUENCES
from jobs.common.settings import DEFAULT_SETTINGS
from jobs.common.warehouse import Warehouse
from tests.benchmarks.facts_world import FIRST_DAY, day_of
from tests.jobs.submitted import submit
from tests.messy_landing import write_clean

pytestmark = pytest.mark.slow

PAIRS, DAYS = 6, 3
WHOLE = ("--start-ds", str(FIRST_DAY), "--end-ds", str(day_of(DAYS - 1)))
LAST = ("--start-ds", WHOLE[3], "--end-ds", WHOLE[3])


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but a warehouse, in which both jobs were run with a relative path."""
    folder, elsewhere = tmp_path_factory.mktemp("by_hand"), tmp_path_factory.mktemp("source")
    (folder / "warehouse").mkdir()
    shutil.move(write_clean(elsewhere, PAIRS, DAYS), folder / "warehouse" / "landing")
    for job, days in (("ingest_facts", WHOLE), ("build_sequences", LAST)):
        log = elsewhere / f"{job}.log"
        status = submit(job, ["--warehouse", "warehouse", *days], folder, log).wait(timeout=240)
        last = log.read_text().splitlines()[-1]
        assert (status, last.split(": ")[:2]) == (0, [job, "done"]), log.read_text()
    return folder


@pytest.fixture
def built(by_hand: Path, spark: SparkSession, tmp_path: Path) -> Warehouse:
    """A copy of the warehouse, for a test to spoil."""
    shutil.copytree(by_hand / "warehouse", tmp_path / "warehouse")
    return Warehouse(spark, str(tmp_path / "warehouse"))


def refusal(capsys: pytest.CaptureFixture[str], warehouse: str, *arguments: str) -> tuple[int, str]:
    """Exit status of build_sequences and its last line on stderr."""
    capsys.readouterr()
    status = build_sequences.main(["--warehouse", warehouse, *arguments])
    return int(status), capsys.readouterr().err.splitlines()[-1]


def test_both_jobs_run_from_any_folder_and_leave_nothing_there_but_the_warehouse(
    by_hand: Path, spark: SparkSession
) -> None:
    assert [found.name for found in by_hand.iterdir()] == ["warehouse"]
    warehouse = Warehouse(spark, str(by_hand / "warehouse"))
    rows = warehouse.read(SEQUENCES).select("ds").collect()
    assert [row.ds for row in rows] == [day_of(DAYS - 1)] * PAIRS
    schemas = {found.name for found in (by_hand / "warehouse").iterdir()}
    assert schemas == {"landing", "facts", "quarantine", "features", "ops"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--start-ds", "2026-01-03", "--end-ds", "2026-01-02"),
            "--start-ds 2026-01-03 is after --end-ds 2026-01-02",
        ),
        (
            ("--start-ds", "20260103", "--end-ds", "2026-01-03"),
            "argument --start-ds: '20260103' is not a date; expected YYYY-MM-DD",
        ),
        (
            ("--start-ds", "2026-02-30", "--end-ds", "2026-03-01"),
            "argument --start-ds: '2026-02-30' is not a day of the calendar",
        ),
        (("--start-ds", "2026-01-03"), "the following arguments are required: --end-ds"),
        (
            (*LAST, "--warehouse", "../elsewhere"),
            "argument --warehouse: '../elsewhere' is not allowed as a path",
        ),
        ((*LAST, "--warehouse", "a folder"), "argument --warehouse: 'a folder' is not a path; allowed are"),
        ((*LAST, "--settings", "none.yaml"), "settings file none.yaml cannot be read"),
        ((*LAST, "--stale-days", "0"), "argument --stale-days: '0' is not a whole number of at least 1"),
        ((*LAST, "--stale-days", "all"), "argument --stale-days: 'all' is not a whole number of at least 1"),
        ((*LAST, "--days", "3"), "unrecognized arguments: --days 3"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_starts(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, last = refusal(capsys, str(tmp_path / "warehouse"), *arguments)
    assert status == 2
    assert last.startswith(f"build_sequences: refused: {message}")
    assert not (tmp_path / "warehouse").exists()


def test_an_unknown_setting_is_refused_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = changed_settings(tmp_path, {"histroy_days": 40})
    status, last = refusal(capsys, str(tmp_path / "warehouse"), *LAST, "--settings", str(file))
    told = f"build_sequences: refused: settings file {file}: histroy_days: is not a setting; see default.yaml"
    assert status == 2 and last.startswith(told)


def test_without_facts_it_says_what_to_run_first(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "warehouse"
    status, last = refusal(capsys, str(root), *LAST)
    assert (status, last) == (
        1,
        f"build_sequences: failed: table facts.advertiser_daily does not exist at {root}/facts/advertiser_daily; "
        "run the job that writes it first",
    )


def test_days_before_the_first_fact_fail_and_write_no_row(
    built: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    status, last = refusal(capsys, built.root, "--start-ds", "2025-12-01", "--end-ds", "2025-12-31")
    assert (status, last) == (
        3,
        "build_sequences: data check failed: no pair was seen up to 2025-12-31; "
        "run ingest_facts for earlier days first",
    )
    assert built.read(SEQUENCES).count() == PAIRS


def test_a_declared_column_that_the_facts_lack_is_named(
    built: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = yaml.safe_load(DEFAULT_SETTINGS.read_text())["columns"]
    file = changed_settings(
        tmp_path,
        {
            "columns": columns
            | {"performance": {**columns["performance"], "orders": "long", "visits": "long"}}
        },
    )
    told = (
        "build_sequences: data check failed: table facts.advertiser_daily lacks column orders, visits that the "
        "settings declare; found columns advertiser_id, scenario_id, ds, "
    )
    for without_books in (False, True):  # a warehouse of before ops.input_days is read whole
        if without_books:
            shutil.rmtree(built.path("ops.input_days"))
        status, last = refusal(capsys, built.root, *LAST, "--settings", str(file))
        assert status == 3 and last.startswith(told)


def test_a_table_that_cannot_be_written_is_told_with_its_path(
    built: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    features = Path(built.root, "features")
    shutil.rmtree(features)
    features.write_text("a file where a folder must be")  # no mode bit stops every user, this does
    status, last = refusal(capsys, built.root, *LAST)
    assert status == 1 and last.startswith("build_sequences: failed: ")
    assert f"{features}/sequences" in last
    log = built.read("ops.job_runs").orderBy("finished_at").collect()[-1]
    assert (log.status, log.error) == ("failed", last.removeprefix("build_sequences: failed: "))


def changed_settings(folder: Path, changes: dict[str, object]) -> Path:
    """The default settings with other values, as a file."""
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(DEFAULT_SETTINGS.read_text()) | changes, sort_keys=False))
    return file
