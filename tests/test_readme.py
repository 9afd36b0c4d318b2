"""The README's example runs as it stands, in an empty folder, with the library alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_PRINTS = re.compile(r"^print\(.*\)  # (.*)$", re.MULTILINE)


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("code", python_blocks(), ids=lambda code: code.splitlines()[0])
def test_example_prints_what_it_says(code: str, tmp_path: Path) -> None:
    library, folder = tmp_path / "library", tmp_path / "empty"
    library.mkdir()
    folder.mkdir()
    (library / "m2m").symlink_to(ROOT / "m2m", target_is_directory=True)
    environment = {**os.environ, "PYTHONPATH": str(library), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.splitlines() == _PRINTS.findall(code) != []


def test_the_example_is_there_and_short() -> None:
    (code,) = python_blocks()
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 22
    assert "from m2m import" in code
