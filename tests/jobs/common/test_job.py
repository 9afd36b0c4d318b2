"""What every job tells of itself: its last line, its row of ops.job_runs, and progress when it takes long."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, date, datetime

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from jobs.common import progress
from jobs.common.job import DataCheckError, ExitStatus, JobContext, run_job
from jobs.common.progress import days_in_words
from jobs.common.run_log import JOB_RUNS, SCHEMA
from jobs.common.settings import load_settings
from jobs.common.side_by_side import side_by_side
from jobs.common.small_frame import small_frame
from jobs.common.units import bytes_in_words
from jobs.common.warehouse import Warehouse
from jobs.demo import MESSAGE
from jobs.report.queries import last_runs
from jobs.report.tables import open_tables

FIRST, LAST = date(2026, 1, 1), date(2026, 2, 9)
NEW = ("bytes_read", "bytes_written", "shuffle_bytes", "spilled_bytes", "skew")


def arguments(warehouse: Warehouse) -> list[str]:
    return ["--warehouse", warehouse.root, "--start-ds", str(FIRST), "--end-ds", str(LAST)]


def sleep(spark: SparkSession, tasks: int, milliseconds: int) -> None:
    """As many tasks, each of which takes that long."""
    slept = f"java_method('java.lang.Thread', 'sleep', {milliseconds}L) AS slept"
    spark.range(0, tasks, 1, tasks).selectExpr(slept).write.format("noop").mode("overwrite").save()


def write(context: JobContext) -> None:
    context.warehouse.overwrite(context.spark.range(0, 1000, 1, 1), "facts.number")
    context.counts.rows_out = 1000


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.3)
    monkeypatch.setattr(progress, "LONGEST_SECONDS", 0.3)


def test_the_last_line_and_the_run_log_tell_the_cost(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_job("write_numbers", write, None, arguments(warehouse)) == ExitStatus.DONE
    line = capsys.readouterr().err.splitlines()[-1]
    told = r"write_numbers: done: 2026-01-01\.\.2026-02-09, 1,000 rows out, \d\.\d kB written, \d+\.\d s"
    assert re.fullmatch(told, line), line
    assert MESSAGE.search(f"... {line} [airflow.task]").group(2, 3) == ("done", line.split("done: ")[1])
    logged = warehouse.read(JOB_RUNS).collect()[0]
    assert 1_000 < logged.bytes_written < 10_000
    assert (logged.bytes_read, logged.spilled_bytes, logged.skew) == (0, 0, 1.0)


def test_a_spill_and_a_skew_worth_a_thought_are_told(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], spill_early: None
) -> None:
    def skewed(context: JobContext) -> None:
        slept = "java_method('java.lang.Thread', 'sleep', if(id = 0, 1500L, 20L)) AS slept"
        context.spark.range(0, 4, 1, 4).selectExpr(slept).write.format("noop").mode("overwrite").save()
        window = context.spark.range(0, 2_000, 1, 1).selectExpr("sum(id) OVER (PARTITION BY id % 2)")
        window.write.format("noop").mode("overwrite").save()

    assert run_job("skewed", skewed, None, arguments(warehouse)) == ExitStatus.DONE
    told = re.search(
        r"02-09, (\d+\.\d kB) spilled, skew (\d+\.\d), \d", capsys.readouterr().err.splitlines()[-1]
    )
    logged = warehouse.read(JOB_RUNS).collect()[0]
    assert told[1] == bytes_in_words(logged.spilled_bytes)
    assert float(told[2]) == pytest.approx(logged.skew, abs=0.06) and logged.skew > 3


def test_a_run_log_of_an_older_version_gets_the_new_columns_once(warehouse: Warehouse) -> None:
    older = StructType([field for field in SCHEMA if field.name not in NEW])
    row = ("publish", FIRST, LAST, 1, 2, 3, 4.5, "s", "c", "done", None, datetime(2026, 2, 10, tzinfo=UTC))
    warehouse.append(small_frame(warehouse.spark, [row], older), JOB_RUNS)
    for _ in range(2):
        assert run_job("write_numbers", write, None, arguments(warehouse)) == ExitStatus.DONE
    first, *newer = warehouse.read(JOB_RUNS).orderBy("finished_at").collect()
    assert (first.job, first.rows_quarantined, first.seconds) == ("publish", 3, 4.5)
    assert [first[name] for name in NEW] == [None] * 5
    assert [run.job for run in newer] == ["write_numbers"] * 2 and all(run.bytes_written for run in newer)
    history = warehouse.spark.sql(f"DESCRIBE HISTORY delta.`{warehouse.path(JOB_RUNS)}`")
    operations = [each.operation for each in history.orderBy("version").collect()]
    assert operations == ["WRITE", "ADD COLUMNS", "WRITE", "WRITE"]
    read = last_runs(open_tables(warehouse.root, load_settings()), 9)
    assert [(run.job, run.bytes_written) for run in read] == [
        ("publish", None),
        *(("write_numbers", run.bytes_written) for run in reversed(newer)),
    ]


def test_a_run_log_that_cannot_be_written_is_told_and_hides_nothing(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.overwrite(warehouse.spark.sql("SELECT 'a' AS job, 'text' AS rows_out"), JOB_RUNS)
    assert run_job("write_numbers", write, None, arguments(warehouse)) == ExitStatus.DONE
    *_, before, last = capsys.readouterr().err.splitlines()
    assert before.startswith("write_numbers: ops.job_runs could not be written: ")
    assert last.startswith("write_numbers: done: ")


def test_a_long_job_says_where_it_is_and_the_last_line_stays_last(
    warehouse: Warehouse, soon: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(context: JobContext) -> None:
        def other() -> None:
            with context.step("write facts.other"):
                sleep(context.spark, 1, 1500)

        with context.step("write features.sequences", date(2026, 1, 11), date(2026, 1, 20)):
            sleep(context.spark, 16, 250)
        side_by_side(context.spark, other, lambda: sleep(context.spark, 1, 1500))
        with context.step("train"):
            time.sleep(1.2)
        raise DataCheckError("too few rows")

    assert run_job("slow", slow, None, arguments(warehouse)) == ExitStatus.CHECK_FAILED
    time.sleep(0.5)  # a line that comes after the last one would come now
    *lines, last = capsys.readouterr().err.splitlines()
    assert last == "slow: data check failed: too few rows"
    step = r"write features.sequences 2026-01-11\.\.2026-01-20 \(days 11 to 20 of 40\)"
    first = rf"slow: \d+ s: {step}, (\d+) of 16 tasks \((\d+) %\)"
    done = [(int(m[1]), int(m[2])) for line in lines if (m := re.fullmatch(first, line))]
    assert done == sorted(done) and len(set(done)) >= 2
    assert all(share == 100 * tasks // 16 for tasks, share in done)
    both = {
        "2026-01-01..2026-02-09, 0 of 1 tasks (0 %)",
        f"write facts.other {FIRST}..{LAST}, 0 of 1 tasks (0 %)",
    }
    assert any(set(line.split(" s: ", 1)[1].split("; ")) == both for line in lines), lines
    assert any(line.endswith(f" s: train {FIRST}..{LAST}, no Spark task is running") for line in lines), lines
    assert all(line.startswith("slow: ") for line in lines)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("progress of")]


def test_a_quick_job_says_nothing_on_its_way_and_leaves_no_description(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    context = warehouse.spark.sparkContext
    context.setJobDescription("mine")
    try:
        run_job("quick", lambda job: sleep(job.spark, 2, 300), None, arguments(warehouse))
        assert context.getLocalProperty("spark.job.description") == "mine"
    finally:
        context.setLocalProperty("spark.job.description", None)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_days_in_words_tell_the_place_in_a_range() -> None:
    whole = FIRST, LAST
    assert days_in_words(FIRST, LAST, whole) == "2026-01-01..2026-02-09"
    assert days_in_words(FIRST, FIRST, (FIRST, FIRST)) == "2026-01-01"
    assert days_in_words(FIRST, FIRST, whole) == "2026-01-01 (day 1 of 40)"
    assert days_in_words(date(2026, 2, 1), LAST, whole) == "2026-02-01..2026-02-09 (days 32 to 40 of 40)"
    # Facts before the first day are read too; they have no place in the range.
    assert days_in_words(date(2025, 12, 1), LAST, whole) == "2025-12-01..2026-02-09"
