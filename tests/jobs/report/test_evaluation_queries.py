"""What the queries find equals what plain Python works out from the rows."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from jobs.report.evaluation_data import ALL, Evaluation, m2m_against
from jobs.report.evaluation_queries import read
from jobs.report.tables import evaluation_schemas, open_views
from tests.jobs.report.evaluation_rows import MODELS, SCENARIOS, TASKS, Tables, evaluation, write


def opened(root: Path, tables: Tables) -> Evaluation:
    """The evaluation as the page reads it."""
    write(root, tables)
    return read(open_views(str(root), evaluation_schemas()))


def mean(values: list[float]) -> float:
    """Plain mean."""
    return sum(values) / len(values)


def test_scores_are_means_and_half_ranges_over_the_seeds(tmp_path: Path) -> None:
    tables = evaluation()
    found = opened(tmp_path, tables)
    rows = tables["evaluation.metrics"]
    keys = {(r["model"], r["estimate"], r["task"], r["scenario_id"]) for r in rows}
    assert set(found.scores) == keys
    for key in keys:
        mine = [r for r in rows if (r["model"], r["estimate"], r["task"], r["scenario_id"]) == key]
        score = found.scores[key]
        for metric, seeds in (("nmae", score.nmae), ("smape", score.smape)):
            values = [r[metric] for r in mine]
            assert seeds.mean == pytest.approx(mean(values), rel=1e-12)
            assert seeds.spread == pytest.approx((max(values) - min(values)) / 2)
        assert score.rows == mine[0]["rows"]


def test_figures_that_are_no_number_and_missing_rows_are_left_out(tmp_path: Path) -> None:
    tables = evaluation()
    row = next(r for r in tables["evaluation.metrics"] if r["model"] == "m2m" and r["task"] == ALL)
    key = (row["model"], row["estimate"], row["task"], row["scenario_id"])
    row["nmae"] = math.nan
    found = opened(tmp_path, tables)
    assert len(found.scores[key].nmae.values) == 1
    assert found.scores[key].nmae.spread is None
    assert found.nmae("nobody") is None
    assert found.score("m2m", "median", "no such task").nmae.mean is None


def test_models_stand_by_kind_and_rivals_are_neither_parts_nor_mixes(tmp_path: Path) -> None:
    found = opened(tmp_path, evaluation({"m2m_lightgbm": ("mix", 0.6), "odd": ("strange", 0.1), **MODELS}))
    assert list(found.kinds) == [*MODELS, "odd"]
    assert found.rivals == ["persistence", "lightgbm", "mmoe"]
    assert found.best(found.rivals) == "lightgbm"
    assert found.unmixed == ["persistence", "lightgbm", "mmoe", "m2m", "m2m_plain", "odd"]
    assert found.best([]) is None


def test_improvement_is_against_the_best_rival_of_the_very_cell(tmp_path: Path) -> None:
    tables = evaluation()
    found = opened(tmp_path, tables)
    for task in TASKS:
        for scenario in SCENARIOS:
            cell = {
                model: mean(
                    [
                        r["nmae"]
                        for r in tables["evaluation.metrics"]
                        if (r["model"], r["estimate"], r["task"], r["scenario_id"])
                        == (model, "median", task, scenario)
                    ]
                )
                for model in MODELS
            }
            lowest = min(cell[model] for model in ("persistence", "lightgbm", "mmoe"))
            assert m2m_against(found, None, task, scenario) == pytest.approx(1 - cell["m2m"] / lowest)
            versus = 1 - cell["m2m"] / cell["persistence"]
            assert m2m_against(found, "persistence", task, scenario) == pytest.approx(versus)


def test_shares_are_those_of_the_test_rows_of_one_cell(tmp_path: Path) -> None:
    shares = opened(tmp_path, evaluation()).shares()
    assert list(shares.items()) == [("feed", 0.75), ("shop", 0.25)]


def test_steps_of_all_seeds_are_weighted_by_rows(tmp_path: Path) -> None:
    tables = evaluation()
    found = opened(tmp_path, tables)
    assert [step.model for step in found.steps] == ["mmoe"] * 10 + ["m2m"] * 10
    for place, model in enumerate(("mmoe", "m2m")):
        for step in range(10):
            rows = [
                r for r in tables["evaluation.calibration"] if (r["model"], r["low"]) == (model, step / 10)
            ]
            told, count = found.steps[10 * place + step], sum(r["rows"] for r in rows)
            assert told.rows == count
            assert told.probability == pytest.approx(sum(r["probability"] * r["rows"] for r in rows) / count)
            assert told.share == pytest.approx(sum(r["share"] * r["rows"] for r in rows) / count)


def test_studies_and_comparisons_are_those_of_the_rows(tmp_path: Path) -> None:
    tables = evaluation()
    other = {**tables["evaluation.comparisons"][0], "scenario_id": "feed", "difference": 9.0}
    tables["evaluation.comparisons"].append(other)
    found = opened(tmp_path, tables)
    names = ("study", "setting", "value", "model", "scenario_id", "estimate")
    told = {
        (s.study, s.setting, s.value, s.model, s.scenario, s.estimate): s.nmae.mean for s in found.studies
    }
    rows = tables["evaluation.studies"]
    keys = {tuple(r[name] for name in names) for r in rows}
    assert set(told) == keys
    for key in keys:
        values = [r["nmae"] for r in rows if tuple(r[name] for name in names) == key]
        assert told[key] == pytest.approx(mean(values))
    assert len(found.comparisons) == 10
    assert found.comparisons["persistence", "median"].difference == pytest.approx(0.1)
    assert found.comparisons["persistence", "median"].draws == 500


def test_runs_carry_days_rows_and_cost(tmp_path: Path) -> None:
    tables = evaluation()
    found = opened(tmp_path, tables)
    assert len(found.runs) == len(MODELS) * 2
    row = next(r for r in tables["evaluation.runs"] if (r["model"], r["seed"]) == ("m2m", 2))
    run = next(r for r in found.runs if (r.model, r.seed) == ("m2m", 2))
    assert (run.kind, run.seconds, run.parameters, run.fits) == ("m2m", 20.0, 12345, 3)
    assert run.rows == (5000, 400, 400)
    assert run.days[2] == (row["test_start_ds"], row["test_end_ds"])
    assert (run.coverage, run.ece, run.code_version) == (0.79, 0.0123, "c0ffee")
