"""Which stale days build_sequences builds again, and which it tells and leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs import build_sequences, table_maintenance
from jobs.build_sequences import SEQUENCES
from jobs.common.freshness import FeatureInputs, record_built, stale_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from tests.benchmarks.facts_world import day_of, write_facts
from tests.jobs.rows import arguments

pytestmark = pytest.mark.slow


def test_stale_days_near_the_run_are_built_again_and_the_others_told(
    spark: SparkSession,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    warehouse = Warehouse(spark, str(write_facts(tmp_path, 40, 60)))
    # The newest facts are of day 59; days after it are built, and stale as soon as facts arrive.
    assert build_sequences.main(arguments(warehouse, day_of(57), day_of(61))) == 0
    assert build_sequences.main(arguments(warehouse, day_of(3))) == 0
    forgotten = {day_of(3): "other", day_of(57): "other", day_of(61): "other"}
    for day, inputs in forgotten.items():
        record_built(warehouse, SEQUENCES, {day: inputs}, day, day)
    assert build_sequences.main([*arguments(warehouse, day_of(59)), "--stale-days", "9"]) == 0
    told = capsys.readouterr().err
    assert f"built again: {day_of(57)}\n" in told
    assert f"1 built days are stale, {day_of(3)} to {day_of(3)}" in told
    left = stale_days(warehouse, FeatureInputs.read(warehouse, settings), SEQUENCES)
    assert left == [day_of(3), day_of(61)]
    # Maintenance goes through every table that the jobs left, the books among them.
    assert table_maintenance.main(arguments(warehouse, day_of(57), day_of(61))) == 0
    assert "ops.feature_days" in capsys.readouterr().err
    assert stale_days(warehouse, FeatureInputs.read(warehouse, settings), SEQUENCES) == left
