"""select_candidates: every scored pair is judged; a rerun is the same; a published day is withdrawn."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.common.publication import publish_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.select_candidates import main
from tests.jobs.rows import DAY, arguments, content, day, scores, sequences, write


@pytest.fixture
def scored(spark: SparkSession, settings: Settings, warehouse: Warehouse) -> Warehouse:
    """One day of three pairs, of which one is predicted to stay active."""
    pairs = [{"advertiser_id": "a1"}, {"advertiser_id": "a1", "scenario_id": "feed"}, {"advertiser_id": "a2"}]
    told: list[dict[str, Any]] = [*pairs[:2], {**pairs[2], "predicted_active_rate": 0.9}]
    write(warehouse, "scores.advertiser_scores", scores(spark, settings, told))
    write(warehouse, "features.sequences", sequences(spark, settings, pairs))
    return warehouse


def test_every_scored_pair_is_judged_and_a_rerun_leaves_the_same_rows(scored: Warehouse) -> None:
    assert main(arguments(scored)) == 0
    first = content(scored.read("engagement.candidates"))
    assert [(row["advertiser_id"], row["scenario_id"], row["selected"]) for row in first] == [
        ("a1", "feed", True),
        ("a1", "search", True),
        ("a2", "search", False),
    ]
    assert first[0]["arm"] == first[1]["arm"]
    publish_days(scored, [(DAY, "7", 2, 1, 1), (day(-1), "7", 0, 0, 0)], day(-1), DAY)
    assert main(arguments(scored)) == 0
    assert content(scored.read("engagement.candidates")) == first
    assert [row["ds"] for row in scored.read("ops.published_days").collect()] == [day(-1)]


def test_a_day_without_scores_is_refused(scored: Warehouse, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(scored, DAY, day(1))) == 3
    assert (
        "scores.advertiser_scores has no rows of 2026-04-16"
        in capfd.readouterr().err.strip().splitlines()[-1]
    )
    assert not scored.exists("engagement.candidates")
