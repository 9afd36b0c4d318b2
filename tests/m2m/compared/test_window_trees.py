"""Trees on window features: what they learn, what they choose, and what must not change a forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from m2m import MemorySource, Samples, cell_metrics, nmae, overall
from m2m.compared.window_features import FeatureTable, WindowFeatures
from m2m.compared.window_trees import MEAN_OBJECTIVES, MEDIAN_OBJECTIVES, WindowTrees
from m2m.dense import window_sums
from m2m.point_estimate import PointRule
from tests.m2m.world import SPEC, last_week_again, make_samples

FAST = ("tweedie_1.5", "l1")
PIECE = 400


def fit(
    train: Samples, valid: Samples, objectives: tuple[str, ...] = FAST, piece: int = PIECE, seed: int = 7
) -> WindowTrees:
    sources = MemorySource(train, piece), MemorySource(valid, piece)
    return WindowTrees.fit(*sources, SPEC, seed=seed, progress=False, objectives=objectives)


def by_law(rows: int, seed: int = 0) -> Samples:
    """Labels that follow from features: last week times a factor of the category, half of the history, the
    weekday plus one in one scenario."""
    samples = make_samples(rows, seed)
    factor = np.select([samples.knowledge["main_category"] == name for name in ("c0", "c1")], [4.0, 2.0], 0.5)
    samples.labels[:, 0] = np.rint(last_week_again(samples)[:, 0] * factor)
    samples.labels[:, 1] = samples.sequences[:, 2].sum(axis=1) / 2
    samples.labels[:, 2] = samples.weekday + (samples.knowledge["scenario_id"] == "s1")
    return samples


@pytest.fixture(scope="module")
def model() -> WindowTrees:
    return fit(by_law(3000), by_law(600, seed=1))


@pytest.fixture(scope="module")
def test_rows() -> Samples:
    return by_law(600, seed=2)


def test_learns_a_law_of_sequences_and_knowledge(model: WindowTrees, test_rows: Samples) -> None:
    forecast = model.predict(test_rows)
    for point in (forecast.mean, model.raw_median(test_rows)):
        found = [nmae(test_rows.labels[:, task], point[:, task]) for task in range(3)]
        assert max(found) < 0.25
    # The law is neither persistence nor a constant.
    again, usual = last_week_again(test_rows), np.median(test_rows.labels, axis=0) * np.ones((600, 3))
    for point in (again, usual):
        assert min(nmae(test_rows.labels[:, task], point[:, task]) for task in range(3)) > 0.4


def test_each_task_keeps_the_objective_of_least_validation_error_of_each_kind() -> None:
    train, valid = by_law(500), by_law(300, seed=1)
    whole = fit(train, valid, (*MEAN_OBJECTIVES, *MEDIAN_OBJECTIVES))
    scenario = valid.knowledge["scenario_id"]

    def errors(kind: str, names: list[str]) -> dict[str, list[float]]:
        found = {}
        for name in names:
            pair = (name, "l1") if kind == "mean" else ("poisson", name)
            alone = fit(train, valid, pair)
            point = alone.predict(valid).mean if kind == "mean" else alone.raw_median(valid)
            cells = cell_metrics(valid.labels, point, scenario, SPEC.tasks)
            found[name] = [overall([c for c in cells if c.task == task])["nmae"] for task in SPEC.tasks]
        return found

    for kind, objectives in (("mean", MEAN_OBJECTIVES), ("median", MEDIAN_OBJECTIVES)):
        alone = errors(kind, list(objectives))
        for place, task in enumerate(SPEC.tasks):
            assert whole.chosen[task][kind] == min(alone, key=lambda name: alone[name][place])
    assert [len({chosen[kind] for chosen in whole.chosen.values()}) for kind in ("mean", "median")] == [2, 2]


def test_a_category_that_training_has_not_seen_is_missing(model: WindowTrees, test_rows: Samples) -> None:
    names = {"main_category": np.full(600, "never seen"), "scenario_id": np.full(600, "new")}
    strange = replace(test_rows, knowledge=names)
    features = model.features.transform(strange)
    assert np.isnan(features[:, -2:]).all() and not np.isnan(model.features.transform(test_rows)).any()
    found = model.predict(strange).mean
    assert (
        np.isfinite(found).all()
        and (found >= 0).all()
        and not np.allclose(found, model.predict(test_rows).mean)
    )


def test_features_by_hand() -> None:
    samples = make_samples(40)
    encoder = WindowFeatures.fit(MemorySource(samples, 16), SPEC, progress=False)
    found = encoder.transform(samples)
    assert found.dtype == np.float32 and found.shape == (40, 2 * 4 * 4 + 2 + 2)
    assert found[:, :16] == pytest.approx(window_sums(samples.sequences, SPEC.windows_days))
    assert found[:, 16:32] == pytest.approx(samples.advertiser_window_sums)
    row = 7
    active = np.flatnonzero((samples.sequences[row, 2:] > 0).any(axis=0))
    assert found[row, 32] == (13 - active[-1] if len(active) else 14)
    assert encoder.categories == [33, 34, 35] and (found[:, 33] == samples.weekday).all()
    order = sorted(set(samples.knowledge["scenario_id"].tolist()))
    assert found[row, 34] == 1 + order.index(samples.knowledge["scenario_id"][row])


def test_order_of_rows_and_pieces_is_of_no_account(model: WindowTrees, test_rows: Samples) -> None:
    train, valid = by_law(3000), by_law(600, seed=1)
    mixed = np.random.default_rng(3).permutation(3000)
    other = fit(train.take(mixed), valid.take(mixed[mixed < 600]), piece=1111)
    assert (other.predict(test_rows).mean == model.predict(test_rows).mean).all()
    assert (other.raw_median(test_rows) == model.raw_median(test_rows)).all()
    assert (fit(train, valid, seed=8).predict(test_rows).mean != model.predict(test_rows).mean).any()


def test_a_table_holds_every_row_once_whatever_the_pieces() -> None:
    samples = make_samples(100)
    encoder = WindowFeatures.fit(MemorySource(samples), SPEC, progress=False)
    table = FeatureTable.read(MemorySource(samples, 30), encoder, "training", progress=False)
    expected = encoder.transform(samples)
    where = [np.flatnonzero((table.features == row).all(axis=1)) for row in expected]
    assert all(len(place) == 1 for place in where)
    place = np.concatenate(where)
    assert (table.labels[place] == samples.labels).all()
    assert (table.scenario[place] == samples.knowledge["scenario_id"]).all()


def test_a_task_that_never_happens_and_very_few_rows() -> None:
    train, valid = make_samples(30), make_samples(20, seed=1)
    train.labels[:, 1] = 0.0
    model = fit(train, valid)
    forecast = model.predict(make_samples(10, seed=2))
    assert (forecast.mean[:, 1] == 0).all() and (forecast.point[:, 1] == 0).all()
    assert np.isfinite(forecast.mean).all() and np.isfinite(forecast.point).all()
    valid.labels[:] = 0.0
    quiet = fit(make_samples(30), valid)
    assert np.isfinite(quiet.predict(valid).mean).all()
    # Nothing happened on the validation days, so the error is per row: fewer rounds promise less where nothing is.
    assert all(0 < tree.valid_nmae < 100 for tree in quiet._mean)


def test_bounded_tasks_stay_in_their_bound_and_nothing_falls_below_zero(test_rows: Samples) -> None:
    train = by_law(600)
    train.labels[:, 2] = 50.0
    model = fit(train, by_law(200, seed=1))
    assert (model.predict(test_rows).mean[:, 2] == 7).all() and (model.raw_median(test_rows)[:, 2] == 7).all()
    assert (model.predict(test_rows).mean >= 0).all()


def test_parameters_are_the_leaves(model: WindowTrees) -> None:
    counted = 0
    for tree in (*model._mean, *model._median):
        for shape in tree.booster.dump_model()["tree_info"]:
            counted += shape["num_leaves"]
    assert model.parameters == counted > 100


def test_what_does_not_fit_is_refused(model: WindowTrees) -> None:
    rows = make_samples(30)
    with pytest.raises(ValueError, match=r"objectives are \['l1'\], expected some of \['poisson'"):
        fit(rows, rows, ("l1",))
    with pytest.raises(ValueError, match="expected some of"):
        fit(rows, rows, ("l1", "poisson", "huber"))
    with pytest.raises(ValueError, match="there are no validation rows"):
        fit(rows, rows.take(np.arange(0)))
    with pytest.raises(ValueError, match="samples have no labels"):
        fit(rows, replace(rows, labels=None))
    assert model.predict(rows.take(np.arange(0))).mean.shape == (0, 3)


def test_the_median_is_the_l1_estimate_after_the_rule_that_validation_rows_fitted() -> None:
    train, valid, rows = make_samples(800), make_samples(400, seed=1), make_samples(200, seed=2)
    valid.labels[:, 0] = np.rint(1.2 * valid.labels[:, 0])
    model = fit(train, valid)
    rule = PointRule.fit(
        model.raw_median(valid), valid.labels, valid.knowledge["scenario_id"], [True, False, True]
    )
    assert model.rule == rule and rule.scale != 1.0 and any(rule.snaps)
    expected = np.minimum(rule.apply(model.raw_median(rows)), [np.inf, np.inf, 7.0])
    assert (model.predict(rows).median == expected).all()
    assert not np.allclose(expected, model.raw_median(rows))
