"""A small world that the jobs built for real: facts, samples, a tiny model, two scored and published days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pyspark.sql import SparkSession

from jobs import (
    build_samples,
    build_sequences,
    check_scores,
    check_sequences,
    generate_demo_data,
    ingest_facts,
    produce_engagement,
    publish,
    score_advertisers,
    select_candidates,
    train_model,
)
from jobs.common.settings import DEFAULT_SETTINGS, Settings, load_settings
from jobs.common.warehouse import Warehouse

Job = Callable[[Sequence[str]], int]
WORLD = ("2026-01-01", "2026-03-31")
AS_OF = ("2026-02-09", "2026-03-24")
SCORED = ("2026-03-30", "2026-03-31")
DAILY_JOBS: tuple[Job, ...] = (
    build_sequences.main,
    check_sequences.main,
    score_advertisers.main,
    check_scores.main,
    select_candidates.main,
    produce_engagement.main,
    publish.main,
)


@dataclass(frozen=True)
class SmallWorld:
    """400 advertisers, 90 days; scored and published on the two days of SCORED."""

    warehouse: Warehouse
    settings: Settings
    settings_file: Path

    def run(self, job: Job, days: tuple[str, str], *more: str) -> int:
        """Run a job of this world in process; its exit status."""
        where = ["--warehouse", self.warehouse.root, "--settings", str(self.settings_file)]
        return job([*where, "--start-ds", days[0], "--end-ds", days[1], *more])


def build_small_world(spark: SparkSession, folder: Path) -> SmallWorld:
    """Run every job once, as the DAGs would."""
    world = SmallWorld(Warehouse(spark, str(folder / "warehouse")), *tiny_settings(folder))
    steps: list[tuple[Job, tuple[str, str], tuple[str, ...]]] = [
        (generate_demo_data.main, WORLD, ("--advertisers", "400")),
        (ingest_facts.main, WORLD, ()),
        (build_samples.main, AS_OF, ("--every-days", "2")),
        (train_model.main, AS_OF, ()),
        *((job, SCORED, ()) for job in DAILY_JOBS),
    ]
    for job, days, more in steps:
        status = world.run(job, days, *more)
        if status:
            raise RuntimeError(f"{job.__module__} ended with status {status}")
    return world


def tiny_settings(folder: Path) -> tuple[Settings, Path]:
    """The default settings with the tiny model."""
    raw = yaml.safe_load(DEFAULT_SETTINGS.read_text())
    raw["model"]["name"] = "tiny"
    raw["training"] |= {"epochs": 3, "batch_size": 128}
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(raw, sort_keys=False))
    return load_settings(file), file
