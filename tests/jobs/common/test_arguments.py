"""Arguments from outside: refused in one line, with status 2, before Spark starts."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path

import pytest

from jobs.common.arguments import parse_arguments

DAYS = ["--start-ds", "2026-04-01", "--end-ds", "2026-04-14"]
NOT_JOBS = {"__init__", "demo", "build_report"}
JOBS = sorted(file.stem for file in Path("jobs").resolve().glob("*.py") if file.stem not in NOT_JOBS)


def test_days_are_parsed_and_the_warehouse_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("M2M_WAREHOUSE", raising=False)
    args = parse_arguments("job", "A job.", DAYS)
    assert (args.start_ds, args.end_ds) == (date(2026, 4, 1), date(2026, 4, 14))
    assert (args.warehouse, args.settings) == ("warehouse", None)
    monkeypatch.setenv("M2M_WAREHOUSE", "s3a://bucket/root")
    assert parse_arguments("job", "A job.", DAYS).warehouse == "s3a://bucket/root"
    assert parse_arguments("job", "A job.", [*DAYS, "--warehouse", "/data/x"]).warehouse == "/data/x"


def test_there_are_jobs_to_test() -> None:
    assert {"ingest_facts", "build_sequences", "score_advertisers", "publish"} <= set(JOBS)


@pytest.mark.parametrize("job", JOBS)
def test_every_job_explains_itself(job: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        importlib.import_module(f"jobs.{job}").main(["--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(word in shown for word in ("--settings", "--warehouse", "--start-ds", "--end-ds", "example: "))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--start-ds", "2026-04-02", "--end-ds", "2026-04-01"],
            "--start-ds 2026-04-02 is after --end-ds 2026-04-01",
        ),
        (["--start-ds", "2026-13-01", "--end-ds", "2026-13-02"], "'2026-13-01' is not a day of the calendar"),
        (
            ["--start-ds", "20260401", "--end-ds", "2026-04-01"],
            "'20260401' is not a date; expected YYYY-MM-DD",
        ),
        (
            ["--start-ds", "2026-04-01' or '1'='1", "--end-ds", "2026-04-01"],
            "is not a date; expected YYYY-MM-DD",
        ),
        ([*DAYS, "--warehouse", "data/../../etc"], "it contains '..'"),
        ([*DAYS, "--warehouse", "x'; drop table y"], "is not a path"),
        ([*DAYS, "--settings", "no/such/file.yaml"], "settings file no/such/file.yaml cannot be read"),
        ([*DAYS, "--sttings", "x"], "unrecognized arguments: --sttings x"),
        (["--start-ds", "2026-04-01"], "the following arguments are required: --end-ds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refused_argument_is_told_in_one_line_before_spark_starts(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import jobs.common.job as job_module
    from jobs.build_sequences import main

    def no_spark(*_: object) -> None:
        raise AssertionError("Spark was started")

    monkeypatch.setattr(job_module, "start_session", no_spark)
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("build_sequences: refused: ") and words in lines[0]


def test_job_specific_arguments_are_validated_too(capsys: pytest.CaptureFixture[str]) -> None:
    from jobs.build_samples import main as build_samples
    from jobs.ingest_facts import main as ingest_facts
    from jobs.score_advertisers import main as score_advertisers

    assert build_samples([*DAYS, "--every-days", "0"]) == 2
    assert ingest_facts([*DAYS, "--landing", "../x"]) == 2
    assert score_advertisers([*DAYS, "--model-version", "1; drop table x"]) == 2
    shown = capsys.readouterr().err
    assert "'0' is not a whole number of at least 1" in shown
    assert "'../x' is not allowed as a path" in shown
    assert "'1; drop table x' is not a name" in shown
