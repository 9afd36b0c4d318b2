"""The charts of an evaluation draw the numbers of its tables."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import pytest

from jobs.report import evaluation_figures, evaluation_study_figures
from jobs.report.evaluation_data import Evaluation, m2m_against
from jobs.report.evaluation_looks import shared_range
from jobs.report.evaluation_queries import read
from jobs.report.style import COLOURS
from jobs.report.tables import evaluation_schemas, open_views
from tests.jobs.report.evaluation_rows import MODELS, SCENARIOS, TASKS, evaluation, write

HOSTILE, SAFE = "<b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root = tmp_path_factory.mktemp("figures")
    write(root, evaluation())
    return read(open_views(str(root), evaluation_schemas()))


def trace(figure: go.Figure, name: str) -> go.Scatter:
    """The first trace of that name."""
    return next(each for each in figure.data if each.name == name)


def test_the_heat_map_has_one_picture_per_rival_and_a_menu_that_shows_it(found: Evaluation) -> None:
    figure = evaluation_figures.heat_map(found, TASKS)
    rivals = [None, "persistence", "lightgbm", "mmoe", "m2m_plain", "m2m_lightgbm"]
    assert len(figure.data) == len(rivals)
    for rival, each in zip(rivals, figure.data, strict=True):
        values = [[m2m_against(found, rival, task, name) for task in TASKS] for name in SCENARIOS]
        for drawn, known in zip(each.z, values, strict=True):
            assert list(drawn) == pytest.approx(known, rel=1e-5)
        assert each.text[0][0] == f"{(values[0][0] or 0.0) * 100:+.1f}%"
    assert [each.visible for each in figure.data] == [True] + [False] * 5
    buttons = figure.layout.updatemenus[0].buttons
    assert [button.label for button in buttons][:3] == ["best other of each cell", "persistence", "LightGBM"]
    for place, button in enumerate(buttons):
        assert button.args[0]["visible"] == [other == place for other in range(len(rivals))]


def test_dots_of_a_scenario_are_its_errors_and_stay_in_its_row(found: Evaluation) -> None:
    figure = evaluation_figures.by_scenario(found)
    assert list(figure.data[0].x) == [0.75, 0.25]
    assert figure.data[-1].name == "M2M"
    for model, name in (("m2m", "M2M"), ("mmoe", "MMoE")):
        dots = trace(figure, name)
        assert list(dots.x) == pytest.approx([found.nmae(model, scenario=s) for s in SCENARIOS], rel=1e-5)
        assert [round(height) for height in dots.y] == [0, 1]
    assert trace(figure, "M2M + persistence + LightGBM").visible == "legendonly"


def test_ablations_are_told_against_the_whole(found: Evaluation) -> None:
    bars = evaluation_figures.ablations(found).data[0]
    whole, plain = (found.nmae(model) or 0.0 for model in ("m2m", "m2m_plain"))
    assert list(bars.text) == [f"{whole:.4f}", f"{plain:.4f} (+{(plain / whole - 1) * 100:.1f}%)"]
    spread = [found.score(model).nmae.spread for model in ("m2m", "m2m_plain")]
    assert list(bars.error_x.array) == pytest.approx(spread, rel=1e-5)


def test_cost_is_the_mean_over_the_seeds_and_small_values_stand_at_one(
    found: Evaluation, tmp_path: Path
) -> None:
    figure = evaluation_figures.cost(found)
    assert [each.x for each in figure.data if each.name == "M2M"] == [(15.0,), (12345.0,)]
    tables = evaluation()
    for run in tables["evaluation.runs"]:
        run.update(seconds=0.0, parameters=0)
    write(tmp_path, tables)
    quick = evaluation_figures.cost(read(open_views(str(tmp_path), evaluation_schemas())))
    assert {each.x for each in quick.data} == {(1.0,)}


def test_settings_stand_in_the_order_of_their_numbers(found: Evaluation) -> None:
    rows = [row for row in found.studies if row.study == "sensitivity"]
    figure = evaluation_study_figures.sensitivity(rows)
    titles = [each.text for each in figure.layout.annotations]
    assert [title[:3] for title in titles] == ["T: ", "d_s", "K: "]
    assert figure.layout.xaxis2.categoryarray == ("8", "128")
    assert list(figure.data[2].x) == ["8", "128"]


def test_every_held_out_scenario_has_its_chart_and_each_model_one_legend_entry(found: Evaluation) -> None:
    rows = [row for row in found.studies if row.study == "new_scenario"]
    figure = evaluation_study_figures.new_scenarios(rows)
    assert [each.text for each in figure.layout.annotations] == list(SCENARIOS)
    assert list(figure.layout.xaxis.categoryarray) == ["0%", "1%", "5%", "20%", "100%"]
    told = [each.name for each in figure.data if each.showlegend]
    assert told == ["LightGBM", "M2M"]
    first = [row.nmae.mean for row in rows if (row.model, row.scenario) == ("m2m", SCENARIOS[0])]
    assert list(trace(figure, "M2M").y) == pytest.approx(first, rel=1e-5)


def test_calibration_shows_every_model_with_a_distribution(found: Evaluation) -> None:
    lines = evaluation_study_figures.reliability(found)
    assert [each.name for each in lines.data] == ["exactly right", "MMoE", "M2M"]
    mine = [step for step in found.steps if step.model == "m2m"]
    assert list(trace(lines, "M2M").y) == pytest.approx([step.share for step in mine], rel=1e-5)
    bars = evaluation_study_figures.trust(found)
    assert list(bars.data[0].x) == [0.79, 0.79]
    assert list(bars.data[1].text) == ["0.0123", "0.0123"]


def test_m2m_is_blue_in_every_chart_and_nothing_else_is(found: Evaluation) -> None:
    for figure in (evaluation_figures.by_scenario(found), evaluation_figures.cost(found)):
        blue = {each.name for each in figure.data if each.marker.color == COLOURS[0]}
        assert blue == {"M2M"}


def test_names_in_charts_are_escaped(tmp_path: Path) -> None:
    models = {**MODELS, HOSTILE: ("baseline", 0.9)}
    write(tmp_path, evaluation(models, (HOSTILE, "shop")))
    found = read(open_views(str(tmp_path), evaluation_schemas()))
    rows = [row for row in found.studies if row.study == "new_scenario"]
    charts = [
        evaluation_figures.heat_map(found, TASKS),
        evaluation_figures.by_scenario(found),
        evaluation_figures.cost(found),
        evaluation_study_figures.new_scenarios(rows),
    ]
    for figure in charts:
        words = str(figure.to_plotly_json())
        assert SAFE in words
        assert HOSTILE not in words
    assert SAFE in {each.name for each in charts[1].data}


def test_wide_ranges_have_a_log_axis() -> None:
    assert shared_range([0.5, 2.5])["type"] == "log"
    assert [shared_range(values)["type"] for values in ([0.7, 0.9], [0.0, 9.0], [])] == ["linear"] * 3
