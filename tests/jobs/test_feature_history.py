"""Weeks of late, corrected and deleted facts: after the last run every built day is what the final facts make of it."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from jobs import build_samples, build_sequences, ingest_facts
from jobs.common.settings import DEFAULT_SETTINGS
from jobs.common.warehouse import Warehouse
from tests.jobs.reference import DAILY, Facts, Snapshots, reference_labels, reference_row

pytestmark = pytest.mark.slow
FIRST, BEFORE, RUNS, LATE_DAYS, T = date(2026, 4, 1), 12, 5, 3, 10
ADVERTISERS, SCENARIOS = [f"a{n}" for n in range(12)], ("search", "feed", "shop")
KEY = ("advertiser_id", "scenario_id", "ds")
Day = dict[tuple[str, str], dict[str, float]]


def ds(offset: int) -> date:
    return FIRST + timedelta(days=offset)


class History:
    """What the source holds, day by day, and how it changes from run to run; everything follows from the seed."""

    def __init__(self, seed: int, root: Path) -> None:
        self.draw, self.root, self.days = random.Random(seed), root, {}
        schema = {"scenario_id": list(SCENARIOS), "scenario_type": list(SCENARIOS)}
        write(root / "landing/scenario/s.parquet", schema)
        profile = {"advertiser_id": ADVERTISERS, "business_scale": [1] * 12, "main_category": ["food"] * 12}
        write(root / f"landing/advertiser_profile/ds={FIRST}/p.parquet", {**profile, "star_level": [2] * 12})
        for day in range(BEFORE):
            self.deliver(day)

    def deliver(self, day: int) -> None:
        """The day for the first time, some of its rows not there yet."""
        share = self.draw.choice([0.05, 0.4])
        pairs = [(a, s) for a in ADVERTISERS for s in SCENARIOS]
        self.days[day] = {pair: self.values() for pair in pairs if self.draw.random() < share}
        self.days[day] = self.days[day] or {pairs[0]: self.values()}
        self.write(day)

    def disturb(self, day: int) -> None:
        """A day within the late days: rows arrive late, are corrected, or are deleted."""
        rows: Day = self.days[day]
        for pair in [p for p in rows if self.draw.random() < 0.1][: len(rows) - 1]:
            del rows[pair]
        for pair in [p for p in rows if self.draw.random() < 0.1]:
            rows[pair] = self.values()
        for _ in range(self.draw.randrange(3)):
            rows[self.draw.choice(ADVERTISERS), self.draw.choice(SCENARIOS)] = self.values()
        self.write(day)

    def values(self) -> dict[str, float]:
        counts: dict[str, float] = {name: self.draw.randrange(100) for name in DAILY[:6]}
        return {
            **counts,
            "expenditure": self.draw.choice([0.0, 2.25, 10.5]),
            "gmv": self.draw.randrange(9) / 2,
        }

    def write(self, day: int) -> None:
        rows = list(self.days[day].items())
        columns: dict[str, Any] = {name: [values[name] for _, values in rows] for name in DAILY}
        keys = {"advertiser_id": [pair[0] for pair, _ in rows], "scenario_id": [pair[1] for pair, _ in rows]}
        write(self.root / f"landing/advertiser_daily/ds={ds(day)}/p.parquet", {**keys, **columns})

    @property
    def facts(self) -> Facts:
        return {(a, s, ds(day)): values for day, rows in self.days.items() for (a, s), values in rows.items()}


def write(file: Path, columns: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)


def snapshots() -> Snapshots:
    profile = {"business_scale": 1, "main_category": "food", "star_level": 2}
    return {advertiser: {FIRST: profile} for advertiser in ADVERTISERS}


def settings_file(folder: Path) -> Path:
    raw = yaml.safe_load(DEFAULT_SETTINGS.read_text())
    raw |= {"history_days": T, "late_days": LATE_DAYS}
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(raw, sort_keys=False))
    return file


def rows(warehouse: Warehouse, table: str) -> dict[tuple[Any, ...], Any]:
    return {tuple(row[name] for name in KEY): row for row in warehouse.read(table).collect()}


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 2**32))
def test_day_by_day_with_corrections_ends_as_the_final_facts_say(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    root = tmp_path_factory.mktemp("history")
    history, warehouse = History(seed, root), Warehouse(spark, str(root))
    where = ["--warehouse", str(root), "--settings", str(settings_file(root))]

    def run(job: Any, first: int, last: int, *more: str) -> None:
        assert job.main([*where, "--start-ds", str(ds(first)), "--end-ds", str(ds(last)), *more]) == 0

    run(ingest_facts, 0, BEFORE - 1)
    for day in range(BEFORE, BEFORE + RUNS):
        history.deliver(day)
        for late in range(day - LATE_DAYS, day):
            history.disturb(late)
        run(ingest_facts, day, day)
        run(build_sequences, day, day, "--stale-days", "40")
    built, facts = rows(warehouse, "features.sequences"), history.facts
    days = [ds(day) for day in range(BEFORE, BEFORE + RUNS)]
    pairs = {(a, s) for a, s, _ in facts}
    expected = {
        (a, s, day): reference_row(facts, snapshots(), a, s, day, T) for a, s in pairs for day in days
    }
    assert set(built) == {key for key, row in expected.items() if row is not None}
    for key, row in built.items():
        for name in (*DAILY, "advertiser_window_sums"):
            assert list(row[name]) == pytest.approx(expected[key][name], rel=1e-6), name
        assert row.eligible == expected[key]["eligible"]
    # The same days as one range, and again: nothing changes.
    run(build_sequences, BEFORE, BEFORE + RUNS - 1)
    assert rows(warehouse, "features.sequences") == built
    # Labels are of the corrected facts too.
    run(build_samples, BEFORE - 4, BEFORE + RUNS - 8)
    samples = rows(warehouse, "features.samples")
    days = [ds(day) for day in range(BEFORE - 4, BEFORE + RUNS - 7)]
    expected = {
        (a, s, day): reference_row(facts, snapshots(), a, s, day, T) for a, s in pairs for day in days
    }
    assert set(samples) == {key for key, row in expected.items() if row and row["eligible"]} != set()
    for key, row in samples.items():
        labels = reference_labels(facts, *key)
        assert {name: row[f"label_{name}"] for name in labels} == pytest.approx(labels)
