"""The one-line answers of the set-up, the Makefile's help and the promises of the lock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = ROOT / "setup" / "check.sh"
TOOLS = ("awk", "df", "dirname", "sed", "sh")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH with a few tools, this Python, a Java 17 and nothing else."""
    for tool in TOOLS:
        found = next(p for d in ("/bin", "/usr/bin") if (p := Path(d, tool)).exists())
        (tmp_path / tool).symlink_to(found)
    program(tmp_path / "python3", f'exec "{sys.executable}" "$@"')
    java(tmp_path, "17.0.15")
    return tmp_path


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def java(folder: Path, version: str) -> None:
    program(folder / "java", f"""echo 'openjdk version "{version}" 2025-04-15' >&2""")


def check(machine: Path, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [str(CHECK)], env={"PATH": str(machine), **environment}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize("version", ["17.0.15", "21.0.2"])
def test_a_fitting_machine_passes(machine: Path, version: str) -> None:
    java(machine, version)
    assert check(machine) == (0, "python3", "")


@pytest.mark.parametrize(
    ("version", "found"), [("1.8.0_412", "found 1 "), ("11.0.2", "found 11"), ("25", "found 25")]
)
def test_a_wrong_java_is_told_in_one_line(machine: Path, version: str, found: str) -> None:
    java(machine, version)
    status, _, error = check(machine)
    assert status == 1
    assert re.fullmatch(rf"set-up: needs Java 17 or 21, {found}.*: install one .*", error)


def test_a_missing_java_is_told_in_one_line(machine: Path) -> None:
    (machine / "java").unlink()
    status, _, error = check(machine)
    assert status == 1
    assert re.fullmatch(r"set-up: needs Java 17 or 21, found none \(java\): install one .*", error)


def test_java_home_is_asked_first(machine: Path, tmp_path: Path) -> None:
    status, _, error = check(machine, JAVA_HOME=str(tmp_path / "nowhere"))
    assert status == 1
    assert "nowhere/bin/java" in error


def test_a_wrong_python_is_told_in_one_line(machine: Path) -> None:
    program(machine / "python3", 'case "$1" in -V) echo Python 3.10.1;; *) exit 1;; esac')
    status, _, error = check(machine)
    assert status == 1
    assert re.fullmatch(r"set-up: needs Python 3.11, 3.12 or 3.13, found Python 3.10.1: install one.*", error)


def test_a_python_without_venv_is_told_in_one_line(machine: Path) -> None:
    program(machine / "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    status, _, error = check(machine)
    assert status == 1
    assert re.fullmatch(r"set-up: python3 cannot make environments: install its venv package .*", error)


def test_a_full_disk_is_told_in_one_line(machine: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "setup").mkdir(parents=True)
    (clone / "setup" / "check.sh").write_bytes(CHECK.read_bytes())
    command = ["sh", str(clone / "setup" / "check.sh")]
    environment = {"PATH": str(machine), "M2M_MIN_FREE_GB": "999999"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(
        r"set-up: needs 999999 GB of free disk at \S+, found \d+ GB: free some.*", done.stderr.strip()
    )


def test_make_help_lists_every_target_with_one_line() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines() if not line.startswith("make"))
    assert {"demo", "test", "test-fast", "lint", "bench", "airflow", "clean"} <= set(lines)
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets and set(targets[1].split()) == set(lines)


def test_every_direct_dependency_is_pinned_and_locked() -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    pins = [line.lower() for line in lines if line]
    lock = (ROOT / "requirements.lock").read_text().lower()
    assert pins
    for pin in pins:
        assert re.fullmatch(r"[a-z0-9_-]+==[0-9a-z.]+", pin), pin
        assert re.search(rf"^{re.escape(pin)}$", lock, re.MULTILINE), f"{pin} is not in the lock: make lock"
    assert not re.search(r"://|--index|--find-links", lock)


def test_pyspark_and_its_client_are_one_version() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    versions = re.findall(r"^pyspark(?:-client)?==(\S+)", lock, re.MULTILINE)
    assert len(versions) == 2 and len(set(versions)) == 1


def test_ci_runs_what_the_readme_tells_people_to_run() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "make lint" in script and "make test" in script


def test_every_room_has_its_border() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    rooms = {room for contract in config["contracts"] for room in contract["source_modules"]}
    assert rooms == set(config["root_packages"]) == {"dags", "jobs", "m2m"}


def test_a_zip_of_modules_is_imported_from_compiled_code(tmp_path: Path) -> None:
    packed = tmp_path / "modules.zip"
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("answers/__init__.py", "from answers.one import ANSWER\n")
        out.writestr("answers/one.py", "ANSWER = 42\n")
        out.writestr("answers/text.json", "{}")
    for _ in range(2):  # a second time changes nothing
        subprocess.run([sys.executable, str(ROOT / "setup" / "compile_zip.py"), str(packed)], check=True)
    names = sorted(zipfile.ZipFile(packed).namelist())
    assert names == [
        "answers/__init__.py", "answers/__init__.pyc", "answers/one.py", "answers/one.pyc", "answers/text.json"
    ]  # fmt: skip
    code = "import answers.one; print(answers.one.__file__.rsplit('.')[-1], answers.one.ANSWER)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(packed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["pyc", "42"]


def test_tests_that_share_a_world_stay_on_one_worker(request: pytest.FixtureRequest) -> None:
    # pytest-xdist marks a group in the name of its tests; some pytest versions lose that, without a word.
    assert not getattr(request.config.option, "loadgroup", False) or "@" in request.node.nodeid


def local_masters(**given: str) -> tuple[str, str]:
    """What setup/env.sh lets spark-submit and Airflow's connection run on, with these variables set before."""
    show = f'. "{ROOT}/setup/env.sh" && echo "$MASTER" && echo "$AIRFLOW_CONN_SPARK_DEFAULT"'
    said = subprocess.run(
        ["bash", "-c", show], env={"PATH": os.environ["PATH"], **given}, capture_output=True, text=True
    )
    master, connection = said.stdout.splitlines()
    return master, json.loads(connection)["host"]


def test_local_runs_try_a_task_again_and_a_master_that_is_set_counts() -> None:
    assert local_masters() == ("local[*,4]", "local[*,4]")
    assert local_masters(MASTER="local[1]") == ("local[1]", "local[1]")
