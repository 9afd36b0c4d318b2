"""make demo: a world of 2,000 advertisers, a trained model, the real DAGs, and a page that shows the result.

    python -m jobs.demo [--advertisers 2000] [--warehouse warehouse/demo] [--report report]

The world, the facts, the samples and the model are made in one Spark process. Then Airflow runs `range_backfill` over
14 days and `daily_engagement` for the newest day, exactly as it would in production. Everything can be run again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from jobs import build_report, build_samples, generate_demo_data, ingest_facts, train_model
from jobs.common.arguments import ArgumentError, parse_count, parse_path
from jobs.common.session import ConfValue, start_session
from jobs.common.settings import load_settings

FIRST_DAY, WORLD_DAYS, BACKFILL_DAYS, EVERY_DAYS = date(2026, 1, 1), 120, 14, 2
NEWEST_DAY = FIRST_DAY + timedelta(days=WORLD_DAYS - 1)
MESSAGE = re.compile(r"\b(\w+): (done|failed|refused|data check failed): (.+?)(?= \[airflow|$)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run every step; returns 0, or the exit status of the step that failed."""
    args = _arguments(argv)
    started = time.monotonic()
    warehouse, report = Path(args.warehouse).resolve(), Path(args.report).resolve()
    shutil.rmtree(warehouse, ignore_errors=True)
    report.mkdir(parents=True, exist_ok=True)
    steps: list[tuple[str, Callable[[], int]]] = [
        (
            f"build a world of {args.advertisers:,} advertisers, train M2M on it",
            lambda: prepare(str(warehouse), args.advertisers),
        ),
        (
            f"Airflow: range_backfill over {BACKFILL_DAYS} days, one Spark job per step",
            lambda: _run_dag("range_backfill", _backfill_params(), warehouse, report),
        ),
        (
            f"Airflow: daily_engagement for {NEWEST_DAY}",
            lambda: _run_dag("daily_engagement", {"run_date": str(NEWEST_DAY)}, warehouse, report),
        ),
        ("build the page", lambda: build_report.main(_report_arguments(warehouse, report))),
    ]
    for number, (title, step) in enumerate(steps, 1):
        with _timed(f"[{number}/{len(steps)}] {title}"):
            status = step()
        if status:
            print(f"demo: step {number} ended with status {status}; see the lines above", file=sys.stderr)
            return status
    _print_summary(build_report.summary(str(warehouse), load_settings(), *_report_days()))
    print(f"\nthe page: {report / 'index.html'}\nin all: {time.monotonic() - started:.0f} s")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--advertisers", default="2000", metavar="N")
    parser.add_argument("--warehouse", default="warehouse/demo", metavar="PATH", help="is emptied first")
    parser.add_argument("--report", default="report", metavar="PATH")
    args = parser.parse_args(argv)
    try:
        args.advertisers = parse_count(args.advertisers)
        parse_path(args.warehouse), parse_path(args.report)
    except ArgumentError as error:
        parser.error(str(error))
    return args


def prepare(warehouse: str, advertisers: int) -> int:
    """World, facts, samples, model: four jobs in one Spark process, which saves three starts of it."""
    world = ["--warehouse", warehouse, "--start-ds", str(FIRST_DAY), "--end-ds", str(NEWEST_DAY)]
    first_as_of, last_as_of = FIRST_DAY + timedelta(days=39), NEWEST_DAY - timedelta(days=7)
    as_of = ["--warehouse", warehouse, "--start-ds", str(first_as_of), "--end-ds", str(last_as_of)]
    jobs: list[tuple[Callable[[Sequence[str]], int], list[str]]] = [
        (generate_demo_data.main, [*world, "--advertisers", str(advertisers)]),
        (ingest_facts.main, world),
        (build_samples.main, [*as_of, "--every-days", str(EVERY_DAYS)]),
        (train_model.main, as_of),
    ]
    # 120 days at once: worth compiling for, unlike the short jobs of the DAGs (jobs/common/session.py).
    compiled: dict[str, ConfValue] = {
        "spark.sql.codegen.wholeStage": True,
        "spark.sql.codegen.factoryMode": "FALLBACK",
    }
    spark, _ = start_session("demo", load_settings(), compiled)
    try:
        for job, arguments in jobs:
            status = job(arguments)
            if status:
                return status
    finally:
        spark.stop()
    return 0


def _backfill_params() -> dict[str, str]:
    last = NEWEST_DAY - timedelta(days=1)
    return {"start_ds": str(last - timedelta(days=BACKFILL_DAYS - 1)), "end_ds": str(last)}


def _report_days() -> tuple[date, date]:
    return NEWEST_DAY - timedelta(days=BACKFILL_DAYS), NEWEST_DAY


def _report_arguments(warehouse: Path, report: Path) -> list[str]:
    start, end = _report_days()
    return [
        "--warehouse",
        str(warehouse),
        "--report",
        str(report),
        "--start-ds",
        str(start),
        "--end-ds",
        str(end),
    ]


def _run_dag(dag: str, params: dict[str, str], warehouse: Path, report: Path) -> int:
    """`airflow dags test`: every task of the DAG for real, in order; the log goes to the report folder."""
    command = ["airflow", "dags", "test", dag, "--conf", json.dumps(params)]
    environment = {**os.environ, "M2M_WAREHOUSE": str(warehouse), "M2M_REPORT": str(report)}
    log = report / f"{dag}.log"
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            errors="replace",
        )
        for line in process.stdout or ():
            file.write(line)
            message = MESSAGE.search(line)
            if message:
                print(
                    f"    {time.monotonic() - began:5.0f} s  {message[1]}: {message[2]}: {message[3]}",
                    flush=True,
                )
    status = process.wait()
    if status:
        print(f"demo: {dag} failed; its log is {log}", file=sys.stderr)
    return status


def _print_summary(found: build_report.Summary) -> None:
    print(f"\n{'table':<28}{'rows':>10}")
    for table, rows in found.rows:
        print(f"{table:<28}{rows:>10,}")
    print(f"\nselected on {found.published}, newest published day")
    print(f"{'scenario':<28}{'pairs':>10}{'treatment':>11}{'control':>9}")
    for scenario in found.scenarios:
        print(f"{scenario.scenario:<28}{scenario.pairs:>10,}{scenario.treatment:>11,}{scenario.control:>9,}")
    if found.nmae:
        m2m, persistence = found.nmae
        print(f"\noverall NMAE on the days known by now: M2M {m2m:.4f}, persistence {persistence:.4f}")


@contextmanager
def _timed(title: str) -> Iterator[None]:
    print(f"\n{title}", flush=True)
    began = time.monotonic()
    yield
    print(f"    took {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
