"""A hot pair, late rows and corrupt rows: the tables end as those of the same world delivered clean."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import build_sequences, ingest_facts
from jobs.build_sequences import SEQUENCES
from jobs.common.freshness import FeatureInputs, stale_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from tests.benchmarks.facts_world import day_of
from tests.jobs.rows import arguments, content
from tests.messy_landing import NO_DAY, Messy, write_clean, write_messy

pytestmark = pytest.mark.slow

PAIRS, DAYS = 300, 8
FACTS, QUARANTINE = "facts.advertiser_daily", "quarantine.advertiser_daily"


def ingest(warehouse: Warehouse, landing: Path, first: int, last: int) -> None:
    """Ingest days of the world."""
    days = arguments(warehouse, day_of(first), day_of(last))
    assert ingest_facts.main([*days, "--landing", str(landing)]) == 0


def build(warehouse: Warehouse, first: int, last: int, *more: str) -> None:
    """Build sequences of days of the world."""
    assert build_sequences.main([*arguments(warehouse, day_of(first), day_of(last)), *more]) == 0


def rejected(warehouse: Warehouse) -> Counter[tuple[str, str]]:
    """Rows of quarantine by the day they name themselves and their reasons."""
    rows = warehouse.read(QUARANTINE).select("source_ds", "dq_errors").collect()
    return Counter((row.source_ds, ",".join(row.dq_errors)) for row in rows)


def test_a_messy_landing_ends_as_the_clean_one(
    spark: SparkSession, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, messy = (Warehouse(spark, str(tmp_path / name)) for name in ("clean", "messy"))
    last = DAYS - 1
    landing = write_clean(tmp_path / "source", PAIRS, DAYS)
    ingest(clean, landing, 0, last)
    build(clean, last - 2, last)
    late_from = last - settings.late_days
    delivered = write_messy(landing, tmp_path / "landing", DAYS, late_from)
    assert_is_a_mess(delivered, clean.read(FACTS).count(), late_from)

    ingest(messy, delivered.landing, 0, last)
    build(messy, last - 2, last)
    assert content(messy.read(SEQUENCES)) != content(clean.read(SEQUENCES))  # the late rows are missing
    delivered.deliver_late_rows()
    ingest(messy, delivered.landing, last, last)
    assert f"earlier days with other rows now: {day_of(late_from)}, " in capsys.readouterr().err
    build(messy, last, last, "--stale-days", "9")

    assert content(messy.read(SEQUENCES)) == content(clean.read(SEQUENCES))
    assert content(messy.read(FACTS)) == content(clean.read(FACTS))
    assert rejected(messy) == delivered.rejected
    assert messy.read(FACTS).count() + messy.read(QUARANTINE).count() == delivered.rows
    assert stale_days(messy, FeatureInputs.read(messy, settings), SEQUENCES) == []


def assert_is_a_mess(delivered: Messy, clean_rows: int, late_from: int) -> None:
    """The hot pair has rows on most days, a tenth of the last days is late, one row in a hundred is broken."""
    older = [rows for (_, reason), rows in delivered.rejected.items() if reason == "superseded_by_newer_row"]
    assert len(older) == DAYS and sorted(set(older) | {99}) in ([99], [0, 99]) and sum(older) >= 5 * 99
    assert sorted(delivered.late) == [day_of(number) for number in range(late_from, DAYS)]
    broken = delivered.rejected.total() - sum(older)
    assert broken >= 0.01 * clean_rows and delivered.rejected[NO_DAY, "ds_invalid"] > 0
    assert len({reason for _, reason in delivered.rejected}) == 10
