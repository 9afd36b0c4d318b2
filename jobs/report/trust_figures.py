"""Charts of probabilities and intervals against what came, as Plotly figures."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from jobs.report.style import CONTROL, GOOD, INK, SOFT, TREATMENT, styled
from jobs.report.trust import BINS, Trust
from jobs.report.words import number, percent, plain

PARTS = {"below p10": ("below", CONTROL), "within [p10, p90]": ("inside", GOOD), "above p90": ("above", SOFT)}
"""Name of each part of a bar: which share it shows, its colour."""


def reliability(found: Trust) -> go.Figure:
    """Steps of P(active) against the share that was active, with the rows of each step below."""
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.74, 0.26], vertical_spacing=0.05)
    diagonal = {"mode": "lines", "line": {"color": SOFT, "dash": "dot"}, "hoverinfo": "skip"}
    figure.add_scatter(x=[0, 1], y=[0, 1], name="exactly right", **diagonal, row=1, col=1)
    figure.add_scatter(**_curve(found), row=1, col=1)
    rows = [step.rows for step in found.active]
    told = {"text": [number(count) for count in rows], "textposition": "outside", "cliponaxis": False}
    look = {"marker_color": CONTROL, "width": 0.9 / BINS, "showlegend": False}
    middles = [(step.low + step.high) / 2 for step in found.active]
    figure.add_bar(x=middles, y=rows, **told, **look, row=2, col=1)
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", dtick=0.1)
    figure.update_xaxes(title_text="predicted probability of an active day", row=2, col=1)
    figure.update_yaxes(title_text="share active", range=[-0.03, 1.03], tickformat=".0%", row=1, col=1)
    figure.update_yaxes(title_text="pairs x days", range=[0, 1.25 * max(rows)], nticks=3, row=2, col=1)
    return styled(figure, 480)


def intervals(found: Trust) -> go.Figure:
    """Per task: where the actual totals fell. Dotted lines stand where 10 % and 90 % belong."""
    figure, tasks = go.Figure(), [plain(each.task) for each in found.intervals]
    for name, (part, colour) in PARTS.items():
        shares = [round(getattr(each, part), 6) for each in found.intervals]
        figure.add_bar(**_bars(tasks, shares), name=name, marker_color=colour)
    for end in (0.1, 0.9):
        figure.add_vline(x=end, line={"color": INK, "dash": "dot", "width": 1.5})
    figure.update_layout(barmode="stack", bargap=0.35, legend_traceorder="normal")
    figure.update_xaxes(title_text="share of pairs x days", range=[0, 1], tickformat=".0%", dtick=0.1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return styled(figure, 140 + 55 * len(tasks))


def _curve(found: Trust) -> dict[str, Any]:
    return {
        "x": [round(step.probability, 6) for step in found.active],
        "y": [round(step.share, 6) for step in found.active],
        "customdata": [number(step.rows) for step in found.active],
        "hovertemplate": "predicted %{x:.1%}, active %{y:.1%}, %{customdata} pairs x days<extra></extra>",
        "mode": "lines+markers",
        "line": {"color": TREATMENT, "width": 1.5},
        "marker": {"size": 8},
        "name": "share that was active",
    }


def _bars(tasks: list[str], shares: list[float]) -> dict[str, Any]:
    told = [percent(share, 1) for share in shares]
    look = {"orientation": "h", "textposition": "inside", "insidetextanchor": "middle"}
    return {"y": tasks, "x": shares, "text": told, **look}
