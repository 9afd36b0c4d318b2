"""Real data with a settings file of its own, from landing files to both tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from jobs import build_samples, ingest_facts, train_model
from jobs.common.settings import DEFAULT_SETTINGS
from jobs.common.warehouse import Warehouse
from tests.small_world import DAILY_JOBS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "online_retail"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the Online Retail sample is not at {DATA}"),
]
Job = Callable[[Sequence[str]], int]
TRAIN, VALID, TEST = ("2011-02-01", "2011-09-06"), ("2011-09-22", "2011-10-02"), ("2011-10-17", "2011-11-10")
SCORED = date(2011, 12, 2)
# The anchors' persistence forecast on this test split (README of the data set).
PERSISTENCE_NMAE = 0.9003


@pytest.fixture(scope="module")
def retail(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Warehouse, Callable[..., int]]]:
    """Landing files in a warehouse, and how to run a job there with the settings of this platform."""
    folder = tmp_path_factory.mktemp("retail")
    warehouse = Warehouse(spark, str(folder / "warehouse"))
    for table in ("advertiser_daily", "advertiser_profile", "scenario"):
        landing = folder / "warehouse" / "landing" / table
        landing.mkdir(parents=True)
        shutil.copy(DATA / f"{table}.parquet", landing)
    raw = yaml.safe_load((DEFAULT_SETTINGS.parent / "online_retail.yaml").read_text())
    raw["training"] |= {"max_samples": 60_000, "epochs": 3}
    settings = folder / "settings.yaml"
    settings.write_text(yaml.safe_dump(raw, sort_keys=False))

    def run(job: Job, days: tuple[str, str], *more: str) -> int:
        where = ["--warehouse", warehouse.root, "--settings", str(settings)]
        return job([*where, "--start-ds", days[0], "--end-ds", days[1], *more])

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("M2M_REPORT", str(folder / "report"))
        yield warehouse, run


def test_online_retail_goes_from_landing_files_to_both_tables(
    retail: tuple[Warehouse, Callable[..., int]], capfd: pytest.CaptureFixture[str]
) -> None:
    warehouse, run = retail
    assert run(ingest_facts.main, ("2010-12-01", "2011-12-09")) == 0
    counts = {
        name: warehouse.read(f"facts.{name}").count() for name in ("advertiser_daily", "advertiser_profile")
    }
    assert counts == {"advertiser_daily": 345_986, "advertiser_profile": 3_787}
    assert warehouse.read("facts.scenario").count() == 3
    assert warehouse.read("quarantine.advertiser_daily").count() == 0

    for days, every in ((TRAIN, "12"), (VALID, "5"), (TEST, "3")):
        assert run(build_samples.main, days, "--every-days", every) == 0
    test = warehouse.read_days("features.samples", *(date.fromisoformat(day) for day in TEST))
    by_scenario = {row.scenario_id: row["count"] for row in test.groupBy("scenario_id").count().collect()}
    assert by_scenario == {"export": 15_575, "uk_account": 24_055, "uk_guest": 18_122}
    means = (
        test.where("scenario_id = 'uk_guest'")
        .selectExpr("avg(label_expenditure)", "avg(label_active_days)")
        .first()
    )
    assert means is not None and (round(means[0], 2), round(means[1], 2)) == (13.58, 1.19)

    parts = {"train": TRAIN, "valid": VALID, "test": TEST}
    named = [word for part, days in parts.items() for word in _named(part, days)]
    assert run(train_model.main, (TRAIN[0], TEST[1]), *named) == 0
    line = next(
        text for text in capfd.readouterr().err.splitlines() if text.startswith("train_model: test days")
    )
    figures = dict(word.rsplit(" ", 1) for word in line.split("overall: ")[1].split(", "))
    assert float(figures["persistence_nmae"]) == pytest.approx(PERSISTENCE_NMAE, abs=2e-3)
    assert float(figures["m2m_nmae"]) < 0.86

    day = (str(SCORED), str(SCORED))
    for job in DAILY_JOBS:
        assert run(job, day) == 0
    pairs = warehouse.read("facts.advertiser_daily").where(f"ds <= '{SCORED}'")
    assert (
        warehouse.read("scores.advertiser_scores").count()
        == pairs.select("advertiser_id", "scenario_id").distinct().count()
    )
    tasks, messages = (
        warehouse.read(f"engagement.{name}").count() for name in ("rewarded_task", "push_message")
    )
    treated = warehouse.read("engagement.candidates").where("selected and arm = 'treatment'").count()
    assert tasks > 0 and messages > 0 and tasks + messages == treated


def _named(part: str, days: tuple[str, str]) -> list[str]:
    return [f"--{part}-start-ds", days[0], f"--{part}-end-ds", days[1]]
