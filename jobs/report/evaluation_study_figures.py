"""Charts of the studies (sensitivity, new scenarios) and of calibration, as Plotly figures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from jobs.report.evaluation_data import Evaluation, Study
from jobs.report.evaluation_looks import (
    ESTIMATE_COLOURS,
    TITLE_ROOM,
    colour,
    label,
    line,
    marker,
    on_top,
    rounded,
    shared_range,
    with_legend_beside,
)
from jobs.report.evaluation_words import ABLATION, ESTIMATES, MIX, SETTINGS, place_of
from jobs.report.style import INK, SOFT, styled
from jobs.report.words import percent

GRID_COLUMNS = 3


def sensitivity(rows: Sequence[Study]) -> go.Figure:
    """NMAE of M2M over T, d_s and K, one small chart each; whiskers are the seeds' spread."""
    known = [name for name in SETTINGS if any(row.setting == name for row in rows)]
    settings = known + sorted({row.setting for row in rows} - set(known))
    titles = [_setting_title(name) for name in settings]
    figure = make_subplots(
        1, len(settings), subplot_titles=titles, shared_yaxes=True, horizontal_spacing=0.04
    )
    for place, name in enumerate(settings):
        values = sorted({row.value for row in rows if row.setting == name})
        for estimate in ESTIMATES:
            mine = [row for row in rows if row.setting == name and row.estimate == estimate]
            figure.add_scatter(**_estimate_line(mine, estimate, place), row=1, col=place + 1)
        order = {"categoryorder": "array", "categoryarray": [_value(value) for value in values]}
        figure.update_xaxes(type="category", **order, row=1, col=place + 1)
    figure.update_yaxes(title_text="overall NMAE", title_standoff=TITLE_ROOM, row=1, col=1)
    return _above(styled(figure, 340, top=80), 340)


def new_scenarios(rows: Sequence[Study]) -> go.Figure:
    """Per scenario: median-type NMAE against the share of its training rows, a line per model."""
    scenarios, shares = sorted({row.scenario for row in rows}), sorted({row.value for row in rows})
    models = sorted({row.model for row in rows}, key=lambda model: place_of(model, ""))
    figure = _grid([escape(name) for name in scenarios])
    for place, scenario in enumerate(scenarios):
        at = _at(place)
        mine = [row for row in rows if row.scenario == scenario]
        for model in on_top(models):
            points = sorted((r for r in mine if r.model == model), key=lambda r: r.value)
            figure.add_scatter(**_share_line(model, points), **at)
        axis = shared_range([row.nmae.mean for row in mine if row.nmae.mean is not None])
        figure.update_yaxes(**axis, title_text="NMAE" if at["col"] == 1 else None, **at)
    order = {"categoryorder": "array", "categoryarray": [_share(share) for share in shares]}
    figure.update_xaxes(type="category", **order, title_text="share of its training rows")
    _one_legend_entry_each(figure)
    return with_legend_beside(figure, 330 * -(-len(scenarios) // GRID_COLUMNS) + 60, top=50)


def reliability(found: Evaluation) -> go.Figure:
    """P(active) against the share that was active, a line per model; those of ablations wait in the legend."""
    figure = go.Figure()
    diagonal = {"mode": "lines", "line": {"color": SOFT, "dash": "dot"}, "hoverinfo": "skip"}
    figure.add_scatter(x=[0, 1], y=[0, 1], name="exactly right", **diagonal)
    models = list(dict.fromkeys(step.model for step in found.steps))
    for model in on_top(models):
        mine = [step for step in found.steps if step.model == model]
        hidden = found.kinds.get(model) in (ABLATION, MIX)
        figure.add_scatter(
            x=[rounded(step.probability) for step in mine],
            y=[rounded(step.share) for step in mine],
            mode="lines+markers",
            line=line(model),
            marker=marker(model, 6),
            name=label(model),
            visible="legendonly" if hidden else True,
        )
    axis = {"range": [-0.03, 1.03], "tickformat": ".0%", "dtick": 0.2}
    figure.update_xaxes(title_text="predicted probability of an active day", **axis)
    figure.update_yaxes(title_text="share active", **axis)
    return with_legend_beside(figure, 440)


def trust(found: Evaluation) -> go.Figure:
    """Per model: coverage of its 80 % intervals, and the calibration error of P(active)."""
    models = trusted_models(found)
    titles = ["rows inside their 80 % interval", "calibration error of P(active)"]
    figure = make_subplots(1, 2, shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.06)
    covered = [_over_seeds(found, model, "coverage") for model in models]
    errors = [_over_seeds(found, model, "ece") for model in models]
    look = {"orientation": "h", "marker_color": [colour(m) for m in models], "showlegend": False}
    look |= {"textposition": "inside", "insidetextanchor": "start", "y": [label(model) for model in models]}
    figure.add_bar(x=covered, text=[percent(value, 1) for value in covered], **look, row=1, col=1)
    figure.add_bar(x=errors, text=["" if e is None else f"{e:.4f}" for e in errors], **look, row=1, col=2)
    figure.add_vline(x=0.8, line={"color": INK, "dash": "dot", "width": 1.5}, row=1, col=1)
    figure.update_xaxes(range=[0, 1], tickformat=".0%", row=1, col=1)
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    return styled(figure, 120 + 34 * len(models))


def trusted_models(found: Evaluation) -> list[str]:
    """Models with a distribution: those that have a coverage or a calibration error."""
    known = {run.model for run in found.runs if run.coverage is not None or run.ece is not None}
    return [model for model in found.kinds if model in known]


def _over_seeds(found: Evaluation, model: str, name: str) -> float | None:
    values = [getattr(run, name) for run in found.runs if run.model == model]
    known = [value for value in values if value is not None]
    return rounded(sum(known) / len(known)) if known else None


def _estimate_line(rows: Sequence[Study], estimate: str, place: int) -> dict[str, Any]:
    ordered = sorted(rows, key=lambda row: row.value)
    spread = [rounded(row.nmae.spread or 0.0) for row in ordered]
    return {
        "x": [_value(row.value) for row in ordered],
        "y": [rounded(row.nmae.mean) for row in ordered],
        "error_y": {"type": "data", "array": spread, "thickness": 1.2, "width": 3},
        "mode": "lines+markers",
        "line": {"color": ESTIMATE_COLOURS[estimate], "width": 2},
        "marker": {"size": 8},
        "name": f"{estimate}-type estimate",
        "legendgroup": estimate,
        "showlegend": place == 0,
    }


def _share_line(model: str, rows: Sequence[Study]) -> dict[str, Any]:
    return {
        "x": [_share(row.value) for row in rows],
        "y": [rounded(row.nmae.mean) for row in rows],
        "mode": "lines+markers",
        "line": line(model),
        "marker": marker(model, 6),
        "name": label(model),
        "legendgroup": label(model),
    }


def _one_legend_entry_each(figure: go.Figure) -> None:
    """A model may be missing in the first chart: its first line that has points speaks for it."""
    told: set[str] = set()
    for trace in figure.data:
        trace.showlegend = bool(trace.x) and trace.name not in told
        if trace.showlegend:
            told.add(trace.name)


def _setting_title(name: str) -> str:
    symbol, words = SETTINGS.get(name, ("", escape(name)))
    return f"{symbol}: {words}" if symbol else words


def _value(value: float) -> str:
    return f"{value:g}"


def _share(value: float) -> str:
    """Shares far below 1 % keep their digits: each is a place on the axis."""
    return f"{value * 100:g}%"


def _grid(titles: Sequence[str]) -> go.Figure:
    rows, columns = -(-len(titles) // GRID_COLUMNS), min(len(titles), GRID_COLUMNS)
    gap = 0.36 / rows if rows > 1 else 0.0
    return make_subplots(rows, columns, subplot_titles=titles, horizontal_spacing=0.08, vertical_spacing=gap)


def _at(place: int) -> dict[str, int]:
    return {"row": place // GRID_COLUMNS + 1, "col": place % GRID_COLUMNS + 1}


def _above(figure: go.Figure, height: int) -> go.Figure:
    """The legend above the titles of the small charts: 40 pixels, in parts of the plotted height."""
    figure.update_layout(legend_y=1 + 32 / (height - 130))
    return figure
