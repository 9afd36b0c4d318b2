"""Charts of errors by cell, scenario, ablation and cost, as Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from jobs.report.evaluation_data import Evaluation, improvement, m2m_against
from jobs.report.evaluation_looks import (
    BLUE,
    label,
    marker,
    on_top,
    rounded,
    with_legend_beside,
)
from jobs.report.evaluation_words import ABLATION, ESTIMATES, M2M, MIX
from jobs.report.style import BAD, CONTROL, GOOD, SHARE, styled
from jobs.report.words import number, percent, plain

BEST = "best other of each cell"
STRONGEST = 0.2
"""Improvements beyond +-20 % have the full colour."""

FEW = 6
"""Up to so many scenarios have high rows."""


def heat_map(found: Evaluation, tasks: Sequence[str]) -> go.Figure:
    """M2M's improvement per cell, with a menu for the rival."""
    rivals: list[str | None] = [None, *(m for m in found.kinds if m != M2M)]
    figure = go.Figure()
    for place, rival in enumerate(rivals):
        figure.add_heatmap(**_cells(found, rival, tasks), visible=place == 0)
    names = [BEST if rival is None else label(rival) for rival in rivals]
    figure.update_xaxes(side="top", showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    styled(figure, 150 + 46 * len(found.scenarios), top=100, bottom=20)
    figure.update_layout(updatemenus=[_menu(names)])
    figure.update_xaxes(title_standoff=4)
    return figure


def by_scenario(found: Evaluation) -> go.Figure:
    """Left the share of the rows of each scenario, right the NMAE of every model there."""
    shares = found.shares()
    names = [escape(name) for name in shares]
    figure = make_subplots(1, 2, shared_yaxes=True, column_widths=[0.22, 0.78], horizontal_spacing=0.03)
    bars = {
        "text": [percent(s, 1) for s in shares.values()],
        "textposition": "auto",
        "orientation": "h",
        "textangle": 0,
    }
    values = [rounded(share) for share in shares.values()]
    figure.add_bar(
        y=list(range(len(names))), x=values, marker_color=CONTROL, showlegend=False, **bars, row=1, col=1
    )
    models = [model for model, kind in found.kinds.items() if kind != ABLATION]
    for model in on_top(models):
        below = 0.7 * (models.index(model) / max(len(models) - 1, 1) - 0.5)
        figure.add_scatter(**_scenario_dots(found, model, list(shares), below), row=1, col=2)
    ends = {"range": [len(names) - 0.5, -0.5], "zeroline": False}
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, **ends)
    figure.update_xaxes(title_text="share of test rows", tickformat=".0%", nticks=4, row=1, col=1)
    figure.update_xaxes(title_text="NMAE, mean over tasks", row=1, col=2)
    return with_legend_beside(figure, max(400, 110 + (120 if len(names) <= FEW else 60) * len(names)))


def ablations(found: Evaluation) -> go.Figure:
    """Bars of M2M and its parts, median-type left and mean-type right; whiskers are the seeds' spread."""
    models = [M2M, *found.of_kind(ABLATION)]
    titles = [f"{estimate}-type estimate" for estimate in ESTIMATES]
    figure = make_subplots(1, 2, shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.06)
    for place, estimate in enumerate(ESTIMATES):
        figure.add_bar(**_ablation_bars(found, models, estimate), row=1, col=place + 1)
        figure.update_xaxes(title_text="overall NMAE", rangemode="tozero", row=1, col=place + 1)
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    figure.update_layout(showlegend=False, bargap=0.4)
    return styled(figure, 150 + 48 * len(models))


def cost(found: Evaluation) -> go.Figure:
    """CPU seconds of training and parameters against overall NMAE; values below 1 stand at 1."""
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.04)
    for model in on_top([m for m in found.kinds if found.nmae(m) is not None]):
        mine = [run for run in found.runs if run.model == model]
        seconds: list[float] = [run.seconds for run in mine if run.seconds is not None]
        sizes: list[float] = [run.parameters for run in mine if run.parameters is not None]
        for place, values in enumerate((seconds, sizes)):
            if values:
                figure.add_scatter(
                    **_cost_dot(found, model, sum(values) / len(values), place), row=1, col=place + 1
                )
    figure.update_xaxes(type="log", exponentformat="SI", dtick=1)
    figure.update_xaxes(title_text="CPU seconds of one training (log)", row=1, col=1)
    figure.update_xaxes(title_text="parameters (log)", row=1, col=2)
    figure.update_yaxes(title_text="overall NMAE", row=1, col=1)
    return with_legend_beside(figure, 460)


def _cells(found: Evaluation, rival: str | None, tasks: Sequence[str]) -> dict[str, Any]:
    values = [[m2m_against(found, rival, task, name) for task in tasks] for name in found.scenarios]
    told = [[_signed(value) for value in row] for row in values]
    look = {"zmin": -STRONGEST, "zmax": STRONGEST, "xgap": 3, "ygap": 3, "showscale": False}
    scale = [[0.0, BAD], [0.5, "#ffffff"], [1.0, GOOD]]
    return {
        "x": [escape(plain(task)) for task in tasks],
        "y": [escape(name) for name in found.scenarios],
        "z": [[rounded(value) for value in row] for row in values],
        "text": told,
        "texttemplate": "%{text}",
        "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>",
        "colorscale": scale,
        **look,
    }


def _scenario_dots(found: Evaluation, model: str, scenarios: Sequence[str], below: float) -> dict[str, Any]:
    """Each model has its own height within a scenario: equal errors do not hide each other."""
    shown: Any = "legendonly" if found.kinds[model] == MIX or model == "zero" else True
    return {
        "y": [round(place + below, 4) for place in range(len(scenarios))],
        "x": [rounded(found.nmae(model, scenario=name)) for name in scenarios],
        "mode": "markers",
        "marker": marker(model, 10),
        "name": label(model),
        "visible": shown,
        "hovertemplate": "NMAE %{x:.4f}",
    }


def _signed(share: float | None) -> str:
    return "" if share is None else f"{round(share * 100, 1) + 0.0:+.1f}%"  # + 0.0: no "-0.0%"


def _menu(names: Sequence[str]) -> dict[str, object]:
    shown = [[other == place for other in range(len(names))] for place in range(len(names))]
    buttons = [
        {"label": name, "method": "restyle", "args": [{"visible": only}]}
        for name, only in zip(names, shown, strict=True)
    ]
    place = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "pad": {"b": 40}, "bgcolor": "white"}
    return {"buttons": buttons, **place}


def _ablation_bars(found: Evaluation, models: Sequence[str], estimate: str) -> dict[str, Any]:
    scores = [found.score(model, estimate).nmae for model in models]
    whole = scores[0].mean
    told = []
    for place, score in enumerate(scores):
        better = improvement(score.mean, whole)
        worse = "" if place == 0 or better is None else f" ({_signed(-better)})"
        told.append(f"{number(score.mean, 4)}{worse}")
    spread = [rounded(score.spread or 0.0) for score in scores]
    look = {"text": told, "textposition": "inside", "insidetextanchor": "start", "orientation": "h"}
    return {
        "y": [label(model) for model in models],
        "x": [rounded(score.mean) for score in scores],
        "error_x": {"type": "data", "array": spread, "thickness": 1.5},
        "marker_color": [BLUE if model == M2M else SHARE for model in models],
        **look,
    }


def _cost_dot(found: Evaluation, model: str, value: float, place: int) -> dict[str, Any]:
    return {
        "x": [rounded(max(value, 1.0))],
        "y": [rounded(found.nmae(model))],
        "mode": "markers",
        "marker": marker(model, 11),
        "name": label(model),
        "legendgroup": label(model),
        "showlegend": place == 0,
        "visible": "legendonly" if model == "zero" or found.kinds[model] == ABLATION else True,
    }
