"""A warehouse in which models are evaluated, quickly."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import evaluate_models
from jobs.common.warehouse import Warehouse
from tests.small_world import AS_OF, SmallWorld

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Evaluated:
    """A warehouse with facts and samples of the small world, and how to evaluate there."""

    warehouse: Warehouse
    settings_file: Path

    def run(self, *more: str, days: tuple[str, str] = AS_OF) -> int:
        return evaluate_models.main([*self.arguments(*more), "--start-ds", days[0], "--end-ds", days[1]])

    def arguments(self, *more: str) -> list[str]:
        root = Path(self.warehouse.root)
        where = ["--warehouse", str(root), "--settings", str(self.settings_file)]
        return [*where, "--report", str(root / "report"), "--quick", *more]

    def rows(self, table: str) -> Rows:
        return sorted(map(tuple, self.warehouse.read(f"evaluation.{table}").collect()), key=repr)

    def results(self) -> dict[str, int]:
        folder = Path(self.warehouse.root) / "checkpoints" / "evaluation"
        return {file.name: file.stat().st_mtime_ns for file in folder.glob("*.npz")}


def copied(small_world: SmallWorld, folder: Path) -> Evaluated:
    for schema in ("facts", "features", "ops"):
        shutil.copytree(Path(small_world.warehouse.root) / schema, folder / "warehouse" / schema)
    spark = small_world.warehouse.spark
    return Evaluated(Warehouse(spark, str(folder / "warehouse")), small_world.settings_file)
