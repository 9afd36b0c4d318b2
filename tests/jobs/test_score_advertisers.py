"""Scores: one row per pair ever seen, equal to a direct forward of the bundle, however the rows are cut."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from jobs import score_advertisers
from jobs.common.freshness import record_built
from jobs.common.prediction_columns import prediction_columns
from jobs.common.score_files import reading_conf, score_schema, scored_files
from jobs.common.session import session_conf
from jobs.common.worker_scorer import WorkerScorer, forecast_columns
from m2m import Forecast
from tests.jobs.scores import (
    FIRST,
    LAST,
    PREDICTIONS,
    by_key,
    champion,
    direct_forecast,
    direct_scores,
    registered,
    restore_sequences,
)
from tests.small_world import SCORED, SmallWorld

pytestmark = pytest.mark.slow


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
    frame = pd.DataFrame(forecast_columns(forecast, ("gmv", "active_days"), "active_days"))
    assert list(frame.columns) == list(prediction_columns(("gmv", "active_days")))
    assert frame["predicted_active_days"].tolist() == [2.0, 4.0]
    rest = frame.drop(columns=["predicted_gmv", "predicted_active_days"])
    assert rest.shape == (2, 7) and rest.isna().all(axis=None)


@pytest.mark.parametrize(
    ("files_at_once", "opened_by_workers"), [(1, True), (1000, True), (1, False), (9, False)]
)
def test_scored_files_do_not_depend_on_their_order_on_the_tasks_or_on_who_reads_them(
    small_world: SmallWorld, files_at_once: int, opened_by_workers: bool
) -> None:
    warehouse, settings = small_world.warehouse, small_world.settings
    before = by_key(warehouse.read_days("scores.advertiser_scores", FIRST, LAST))
    files = warehouse.read_days("features.sequences", FIRST, LAST).inputFiles()
    worker = WorkerScorer.ship(warehouse.spark, registered(small_world), settings)
    path = warehouse.path("features.sequences")
    scored = scored_files(
        warehouse.spark, path, sorted(files)[::-1], worker, settings.task_names, opened_by_workers
    )
    assert scored.schema == score_schema(settings.task_names)
    conf = reading_conf(worker) | {"spark.sql.execution.arrow.maxRecordsPerBatch": str(files_at_once)}
    with session_conf(warehouse.spark, conf):
        assert by_key(scored.repartition(7)) == before


def test_what_travels_with_a_task_names_the_bundle_and_holds_no_weights(small_world: SmallWorld) -> None:
    import cloudpickle

    from jobs.common.score_files import score_function

    worker = WorkerScorer.ship(small_world.warehouse.spark, registered(small_world), small_world.settings)
    assert len(cloudpickle.dumps(score_function(worker))) < 10_000
    assert worker.scorer is WorkerScorer(**vars(worker)).scorer  # read once in a process


def test_scoring_again_leaves_the_same_rows(small_world: SmallWorld) -> None:
    before = by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST))
    assert small_world.run(score_advertisers.main, SCORED, "--model-version", "1", "--again") == 0
    assert by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST)) == before


def test_one_day_alone_is_scored_as_within_a_range(small_world: SmallWorld) -> None:
    before = by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST))
    assert small_world.run(score_advertisers.main, (SCORED[1], SCORED[1]), "--again") == 0
    assert by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST)) == before


def scored_at(world: SmallWorld) -> dict[date, set[datetime]]:
    rows = world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST).select("ds", "scored_at")
    found = rows.distinct().collect()
    return {day: {row.scored_at for row in found if row.ds == day} for day in (FIRST, LAST)}


def test_days_with_the_same_inputs_and_model_are_not_scored_again(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse, table = small_world.warehouse, "scores.advertiser_scores"
    assert small_world.run(score_advertisers.main, SCORED, "--again") == 0
    before, rows = scored_at(small_world), by_key(warehouse.read_days(table, FIRST, LAST))
    assert small_world.run(score_advertisers.main, SCORED) == 0
    assert scored_at(small_world) == before
    assert "2 of 2 days are scored already" in capsys.readouterr().err
    # A day that lost rows, or of which nobody knows what its sequences were built from, is.
    warehouse.spark.sql(f"DELETE FROM delta.`{warehouse.path(table)}` WHERE ds = '{FIRST}' AND NOT eligible")
    assert small_world.run(score_advertisers.main, SCORED) == 0
    after = scored_at(small_world)
    assert after[LAST] == before[LAST] and after[FIRST] != before[FIRST]
    record_built(warehouse, "features.sequences", {FIRST: "of other facts"}, FIRST, FIRST)
    assert small_world.run(score_advertisers.main, SCORED) == 0
    again = scored_at(small_world)
    assert again[LAST] == before[LAST] and again[FIRST] != after[FIRST]
    assert by_key(warehouse.read_days(table, FIRST, LAST)) == rows
    restore_sequences(small_world)


def test_an_unknown_version_and_a_day_without_sequences_are_refused(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small_world.run(score_advertisers.main, SCORED, "--model-version", "99") == 1
    assert "model demo has no 99; run train_model first" in capsys.readouterr().err.splitlines()[-1]
    assert small_world.run(score_advertisers.main, ("2026-01-05", "2026-01-05")) == 3
    assert (
        "features.sequences has no row for 2026-01-05; run build_sequences"
        in capsys.readouterr().err.splitlines()[-1]
    )


def test_a_day_whose_sequences_are_gone_keeps_its_scores(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse, table = small_world.warehouse, "scores.advertiser_scores"
    before = by_key(warehouse.read_days(table, FIRST, LAST))
    sequences = warehouse.path("features.sequences")
    warehouse.spark.sql(f"DELETE FROM delta.`{sequences}` WHERE ds = '{FIRST}'")
    try:
        for _ in range(2):
            assert small_world.run(score_advertisers.main, SCORED) == 3
            last = capsys.readouterr().err.splitlines()[-1]
            assert f"features.sequences has no row for {FIRST}; run build_sequences first" in last
        assert by_key(warehouse.read_days(table, FIRST, LAST)) == before
    finally:
        restore_sequences(small_world)


def test_rows_of_another_model_are_scored_again_whatever_is_recorded(small_world: SmallWorld) -> None:
    warehouse, table = small_world.warehouse, "scores.advertiser_scores"
    assert small_world.run(score_advertisers.main, SCORED) == 0
    path = warehouse.path(table)
    warehouse.spark.sql(
        f"UPDATE delta.`{path}` SET model_sha256 = 'another' WHERE ds = '{LAST}' AND eligible"
    )
    assert small_world.run(score_advertisers.main, SCORED) == 0
    models = warehouse.read_days(table, FIRST, LAST).select("model_sha256").distinct().collect()
    assert [row.model_sha256 for row in models] == [champion(small_world)[2]]
