"""Settings, SQL and the page are found in a zip of the code, where spark-submit makes the driver import `jobs` from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jobs.common.ddl import read_sql
from jobs.common.settings import load_settings
from jobs.report.page import TEMPLATE
from tests.jobs.code_zip import write_code_zip

PROGRAM = """
import jobs
from jobs.common.ddl import read_sql
from jobs.common.settings import load_settings
from jobs.report.page import TEMPLATE
print(jobs.__file__, load_settings().version, len(TEMPLATE.read_text()))
print(read_sql("scores.advertiser_scores", "ddl"), end="")
"""


def said(zip_file: Path) -> subprocess.CompletedProcess[str]:
    """What the program says when the zip alone is on PYTHONPATH, which counts before installed packages."""
    environment = {**os.environ, "PYTHONPATH": str(zip_file)}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, cwd=zip_file.parent, env=environment, capture_output=True, text=True)


def test_settings_sql_and_the_page_come_from_the_zip(tmp_path: Path) -> None:
    found = said(write_code_zip(tmp_path / "code.zip"))
    assert found.returncode == 0, found.stderr
    first, _, ddl = found.stdout.partition("\n")
    page = len(TEMPLATE.read_text(encoding="utf-8"))
    assert first == f"{tmp_path}/code.zip/jobs/__init__.py {load_settings().version} {page}"
    assert ddl == read_sql("scores.advertiser_scores", "ddl")


def test_a_zip_without_the_sql_says_what_is_missing(tmp_path: Path) -> None:
    found = said(write_code_zip(tmp_path / "code.zip", ("jobs", "m2m")))
    assert found.returncode == 1
    told = f"FileNotFoundError: no file {tmp_path}/code.zip/sql/advertiser_scores/ddl.sql; expected the folder sql"
    assert told in found.stderr
