"""A measured figure and the file that collects them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

BENCH_FILE = Path("report") / "bench.json"


@dataclass(frozen=True)
class Figure:
    """One number: `command` is what anyone can run to get it again."""

    name: str
    value: float
    unit: str
    command: str


def read_figures(file: Path = BENCH_FILE) -> list[Figure]:
    """The figures of the file, none when it is not there."""
    if not file.exists():
        return []
    return [Figure(**row) for row in json.loads(file.read_text(encoding="utf-8"))]


def write_figures(figures: Iterable[Figure], file: Path = BENCH_FILE) -> None:
    """Write the figures as a JSON list, replacing the file whole; names must be unique (ValueError)."""
    rows = [asdict(figure) for figure in figures]
    names = [row["name"] for row in rows]
    if len(set(names)) != len(names):
        raise ValueError(f"figures are named {names}, expected every name once")
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    fresh.replace(file)
