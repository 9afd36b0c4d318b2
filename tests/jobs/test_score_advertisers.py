"""Scores: one row per pair ever seen, equal to a direct forward of the bundle, however the rows are cut."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from jobs import score_advertisers
from jobs.common.model_inputs import feature_spec, samples_of
from jobs.common.model_registry import CHAMPION, ModelRegistry
from jobs.common.prediction_columns import prediction_columns
from jobs.common.score_udf import (
    DAY,
    chunks_of_a_day,
    forecast_frame,
    make_score_function,
    score_column,
    ship_bundle,
    with_scores,
)
from m2m import Bundle, Forecast, Samples, Scorer
from tests.small_world import SCORED, SmallWorld

pytestmark = pytest.mark.slow
FIRST, LAST = (date.fromisoformat(day) for day in SCORED)
PREDICTIONS = ["impressions", "clicks", "expenditure", "gmv", "active_days"]


def champion(world: SmallWorld) -> tuple[Bundle, str, str]:
    """The champion's bundle, its folder and its SHA-256."""
    found = ModelRegistry(world.settings.platform, world.warehouse.root).find(CHAMPION)
    assert found is not None
    return Bundle.load(found.folder, expected_sha256=found.sha256), found.folder, found.sha256


def direct_scores(world: SmallWorld, rows: list[Row]) -> np.ndarray:
    """The bundle's own means over collected rows, without Spark's UDF machinery."""
    return direct_forecast(world, rows).mean


def direct_forecast(world: SmallWorld, rows: list[Row]) -> Forecast:
    """The bundle's own forward over collected rows, without Spark's UDF machinery."""
    spec = feature_spec(world.settings)
    samples: Samples = samples_of(
        np.asarray([[row[name] for name in spec.sequence_columns] for row in rows], dtype=np.float32).ravel(),
        np.asarray([row.advertiser_window_sums for row in rows], dtype=np.float32).ravel(),
        np.asarray([row.ds.weekday() for row in rows], dtype=np.int64),
        [np.asarray(["" if row[c] is None else str(row[c]) for row in rows]) for c in spec.knowledge],
        spec,
    )
    return Scorer(champion(world)[0]).predict(samples)


def by_key(frame: DataFrame) -> dict[tuple[str, str, date], list[float]]:
    rows = frame.collect()
    found = {
        (r.advertiser_id, r.scenario_id, r.ds): [r[f"predicted_{name}"] for name in PREDICTIONS] for r in rows
    }
    assert len(found) == len(rows)
    return found


def test_every_pair_ever_seen_has_one_finite_score_a_day(small_world: SmallWorld) -> None:
    warehouse = small_world.warehouse
    scores = warehouse.read_days("scores.advertiser_scores", FIRST, LAST).collect()
    for day in (FIRST, LAST):
        facts = warehouse.read_days("facts.advertiser_daily", date(2026, 1, 1), day)
        seen = {(r[0], r[1]) for r in facts.select("advertiser_id", "scenario_id").distinct().collect()}
        scored = [(r.advertiser_id, r.scenario_id) for r in scores if r.ds == day]
        assert len(scored) == len(set(scored)) > 400
        assert set(scored) == seen
    for row in scores:
        values = [row[f"predicted_{name}"] for name in PREDICTIONS]
        assert all(np.isfinite(values)) and min(values) >= 0
        assert 0 <= row.predicted_active_rate <= 1
        assert row.predicted_active_rate == pytest.approx(row.predicted_active_days / 7)
    assert {(r.model_version, r.model_sha256) for r in scores} == {("1", champion(small_world)[2])}
    assert any(not r.eligible for r in scores) and any(r.eligible for r in scores)


def test_scores_equal_a_direct_forward_of_the_loaded_bundle(small_world: SmallWorld) -> None:
    rows = small_world.warehouse.read_days("features.sequences", FIRST, LAST).collect()
    written = by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST))
    stored = np.asarray([written[r.advertiser_id, r.scenario_id, r.ds] for r in rows])
    np.testing.assert_allclose(stored, direct_scores(small_world, rows), rtol=1e-5, atol=1e-9)


def test_the_distribution_is_written_beside_the_means(small_world: SmallWorld) -> None:
    rows = small_world.warehouse.read_days("features.sequences", FIRST, LAST).collect()
    scores = small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST).collect()
    by_pair = {(r.advertiser_id, r.scenario_id, r.ds): r for r in scores}
    written = [by_pair[r.advertiser_id, r.scenario_id, r.ds] for r in rows]
    expected = direct_forecast(small_world, rows).parts()
    money = [PREDICTIONS.index(task) for task in ("expenditure", "gmv")]
    # float32 is right to some 1e-6 of the training mean; a half can be rounded to either side.
    small = 1e-5 * champion(small_world)[0].task_scales
    for part in ("median", "p10", "p90"):
        stored = np.asarray([[row[f"predicted_{task}_{part}"] for task in PREDICTIONS] for row in written])
        close = np.abs(stored - expected[part]) <= small + 1e-4 * expected[part]
        assert close[:, money].all() and close.mean() > 0.999
    active = [row.probability_active for row in written]
    np.testing.assert_allclose(active, expected["probability_positive"][:, -1], rtol=1e-5)


def test_a_model_without_a_distribution_leaves_its_columns_missing() -> None:
    forecast = Forecast(mean=np.array([[1.0, 2.0], [3.0, 4.0]]))
    frame = forecast_frame(forecast, ("gmv", "active_days"), "active_days")
    assert list(frame.columns) == list(prediction_columns(("gmv", "active_days")))
    assert frame["predicted_active_days"].tolist() == [2.0, 4.0]
    rest = frame.drop(columns=["predicted_gmv", "predicted_active_days"])
    assert rest.shape == (2, 7) and rest.isna().all(axis=None)


@pytest.mark.parametrize(("partitions", "batch_rows"), [(1, 10_000), (7, 64), (3, 1)])
def test_partitions_and_arrow_batches_change_no_score(
    small_world: SmallWorld, partitions: int, batch_rows: int
) -> None:
    spark, settings = small_world.warehouse.spark, small_world.settings
    _, folder, sha256 = champion(small_world)
    few = small_world.warehouse.read_days("features.sequences", LAST, LAST).where(
        F.xxhash64("advertiser_id") % 5 == 0
    )
    key = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(key)
    spark.conf.set(key, str(batch_rows))
    try:
        column = score_column(settings, ship_bundle(spark, folder, sha256), sha256, threads=1)
        cut = by_key(with_scores(few.repartition(partitions, F.rand(seed=5)), column))
    finally:
        spark.conf.set(key, str(before))
    rows = few.collect()
    assert len(rows) > 50
    stored = np.asarray([cut[r.advertiser_id, r.scenario_id, r.ds] for r in rows])
    np.testing.assert_allclose(stored, direct_scores(small_world, rows), rtol=1e-5, atol=1e-9)


def test_the_bundle_is_loaded_once_per_worker() -> None:
    import cloudpickle

    from jobs.common.score_udf import load_scorer

    assert load_scorer.cache_info().maxsize
    # The function that travels names the bundle and holds no weights.
    assert len(cloudpickle.dumps(make_score_function("bundle-x", "0" * 64, 1, "active_days"))) < 10_000


def test_scoring_again_leaves_the_same_rows(small_world: SmallWorld) -> None:
    before = by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST))
    assert small_world.run(score_advertisers.main, SCORED, "--model-version", "1") == 0
    assert by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST)) == before


def test_one_day_alone_is_scored_as_within_a_range(small_world: SmallWorld) -> None:
    before = by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST))
    assert small_world.run(score_advertisers.main, (SCORED[1], SCORED[1])) == 0
    assert by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST)) == before


def test_chunks_hold_one_day_and_do_not_depend_on_the_batches() -> None:
    days = pd.DataFrame({DAY: [1] * 5 + [2] * 3 + [3], "row": range(9)})
    expected = [[0, 1], [2, 3], [4], [5, 6], [7], [8]]
    for size in (1, 2, 4, 9):
        batches = [days.iloc[start : start + size] for start in range(0, 9, size)]
        assert [list(chunk["row"]) for chunk in chunks_of_a_day(batches, 2)] == expected


def test_an_unknown_version_and_a_day_without_sequences_are_refused(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small_world.run(score_advertisers.main, SCORED, "--model-version", "99") == 1
    assert "model demo has no 99; run train_model first" in capsys.readouterr().err.splitlines()[-1]
    assert small_world.run(score_advertisers.main, ("2026-01-05", "2026-01-05")) == 3
    assert (
        "features.sequences has no row for 2026-01-05..2026-01-05" in capsys.readouterr().err.splitlines()[-1]
    )


def test_a_bundle_with_one_changed_byte_stops_the_job(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = Path(champion(small_world)[1]) / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        assert small_world.run(score_advertisers.main, SCORED) == 1
    finally:
        weights.write_bytes(good)
    assert "SHA-256" in capsys.readouterr().err.splitlines()[-1]
