"""report/bench.json: its form, and that nothing is written twice under one name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.common.settings import Settings
from tests.benchmarks.__main__ import BENCHMARKS, BY_NAME_ONLY
from tests.benchmarks.calibration import figures_told
from tests.benchmarks.figures import Figure, write_figures
from tests.benchmarks.limits import missed
from tests.benchmarks.sequences import World, exponent


def test_figures_are_written_as_a_list_of_name_value_unit_command(tmp_path: Path) -> None:
    file = tmp_path / "report" / "bench.json"
    write_figures([Figure("demo_seconds", 12.5, "s", "make bench")], file)
    assert json.loads(file.read_text()) == [
        {"name": "demo_seconds", "value": 12.5, "unit": "s", "command": "make bench"}
    ]
    assert [path.name for path in file.parent.iterdir()] == ["bench.json"]


def test_a_name_comes_once(tmp_path: Path) -> None:
    twice = [Figure("a", 1.0, "s", "x"), Figure("a", 2.0, "s", "x")]
    with pytest.raises(ValueError, match="every name once"):
        write_figures(twice, tmp_path / "bench.json")
    assert not (tmp_path / "bench.json").exists()


def test_the_figures_of_training_are_read_from_its_last_words() -> None:
    log = "noise\ntrain_model: test days, overall: m2m_nmae 0.5398, m2m_active_ece 0.0241\nmore\n"
    assert figures_told(log) == {"m2m_nmae": 0.5398, "m2m_active_ece": 0.0241}
    with pytest.raises(ValueError, match="no figure of test days"):
        figures_told("train_model: valid days, overall: m2m_nmae 0.5")


def test_every_benchmark_can_be_measured() -> None:
    assert BENCHMARKS
    assert all(callable(module.measure) for module in {**BENCHMARKS, **BY_NAME_ONLY}.values())


@pytest.mark.slow
def test_both_ways_of_building_sequences_make_the_same_rows(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    world = World(spark, settings, tmp_path, pairs=60, days=50)
    ours, usual = (
        {(r.advertiser_id, r.scenario_id, r.ds): r for r in rows.collect()}
        for rows in (world.ours(4), world.windows(4))
    )
    assert len(ours) == 60 * 4 and set(ours) == set(usual)
    nothing = [0.0] * 54  # the usual way has no row of an advertiser without facts
    for key, row in ours.items():
        other = usual[key]
        for name in settings.columns.sequences:
            assert list(row[name]) == list(other[name]), name
        sums = other.advertiser_window_sums or nothing
        assert list(row.advertiser_window_sums) == pytest.approx(sums, rel=1e-5)
        for name in ("eligible", "scenario_type", *settings.columns.profile):
            assert row[name] == other[name], name


def test_cost_that_grows_as_a_power_of_size_is_told_by_its_exponent() -> None:
    assert exponent((10, 30, 100), [2 * size**1.5 for size in (10, 30, 100)]) == pytest.approx(1.5)


def test_a_figure_beyond_its_limits_is_told() -> None:
    fine = [Figure("loader_share", 0.9, "", "x"), Figure("without_limit", -5.0, "", "x")]
    bad = [Figure("loader_share", 0.8, "", "x"), Figure("interval_coverage_demo", 0.84, "share", "x")]
    assert missed(fine) == []
    assert missed([*fine, *bad]) == [
        "loader_share is 0.800, expected 0.85 to inf",
        "interval_coverage_demo is 0.840, expected 0.77 to 0.83",
    ]
