"""Charts of the selection, the checks and the runs, as Plotly figures.

Labels that come from data are escaped: Plotly reads some HTML in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from jobs.common.settings import Settings
from jobs.report.queries import Check, Run, ScenarioSelection
from jobs.report.style import BAD, CONTROL, GOOD, INK, SHARE, TREATMENT, styled
from jobs.report.words import NOTHING, number, percent, plain, reason_title

DAYS_WITH_VALUES = 16
"""With more days than this the observed values do not fit the cells; they are shown on hovering."""


def selection(scenarios: Sequence[ScenarioSelection]) -> go.Figure:
    """Selected pairs per scenario by arm, and beside it their share of the eligible pairs."""
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.06, column_widths=[0.58, 0.42])
    names = [escape(s.scenario) for s in scenarios]
    _selected_pairs(figure, names, scenarios)
    _selected_share(figure, names, scenarios)
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_layout(barmode="stack")
    return styled(figure, 130 + 46 * len(scenarios))


def _selected_pairs(figure: go.Figure, names: list[str], scenarios: Sequence[ScenarioSelection]) -> None:
    at, bars = {"row": 1, "col": 1}, {"y": names, "orientation": "h"}
    figure.add_bar(x=[s.treatment for s in scenarios], name="treatment", marker_color=TREATMENT, **bars, **at)
    figure.add_bar(x=[s.control for s in scenarios], name="control", marker_color=CONTROL, **bars, **at)
    totals = [s.selected for s in scenarios]
    look = {"mode": "text", "textposition": "middle right", "cliponaxis": False, "hoverinfo": "skip"}
    words = [f"  {number(total)}" for total in totals]
    figure.add_scatter(y=names, x=totals, text=words, showlegend=False, **look, **at)
    figure.update_xaxes(title_text="selected pairs (count)", range=[0, 1.18 * max([*totals, 1])], **at)


def _selected_share(figure: go.Figure, names: list[str], scenarios: Sequence[ScenarioSelection]) -> None:
    at, shares = {"row": 1, "col": 2}, [s.share * 100 for s in scenarios]
    words = [f"{percent(s.share, 1)} of {number(s.eligible)}" for s in scenarios]
    look = {"orientation": "h", "marker_color": SHARE, "textposition": "outside", "cliponaxis": False}
    hover = "%{y}: %{x:.1f}% of eligible pairs<extra></extra>"
    figure.add_bar(y=names, x=shares, text=words, showlegend=False, hovertemplate=hover, **look, **at)
    figure.update_xaxes(title_text="share of eligible pairs (%)", range=[0, 1.55 * max([*shares, 1])], **at)


def reasons(
    told: Sequence[tuple[str, str, int]], scenarios: Sequence[ScenarioSelection], settings: Settings
) -> go.Figure:
    """Heat map: share of a scenario's selected pairs that have each reason, most frequent on top."""
    counts = {(scenario, code): pairs for scenario, code, pairs in told}
    picked = [s for s in scenarios if s.selected]
    codes = sorted(
        {code for _, code, _ in told}, key=lambda c: (-sum(counts.get((s.scenario, c), 0) for s in picked), c)
    )
    shares = [[100 * counts.get((s.scenario, code), 0) / s.selected for s in picked] for code in codes]
    titles = [escape(reason_title(code, settings)) for code in codes]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[escape(s.scenario) for s in picked],
            y=titles,
            zmin=0,
            zmax=100,
            xgap=2,
            ygap=2,
            showscale=False,
            colorscale=[[0, "#f6f8fc"], [1, "#6f9bf0"]],
            text=[[f"{value:.0f}%" for value in row] for row in shares],
            texttemplate="%{text}",
            hovertemplate="%{x}: %{z:.1f}% of the selected: %{y}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", side="top")
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    return styled(figure, 50 + 34 * len(codes), bottom=10)


def checks(results: Sequence[Check]) -> go.Figure:
    """Heat map of one suite: a row per promise, a column per day, green kept and red broken."""
    days = sorted({check.ds for check in results})
    promises = list(dict.fromkeys((check.column, check.expected) for check in results))
    found = {(check.column, check.expected, check.ds): check for check in results}
    grid = [[found.get((column, expected, day)) for day in days] for column, expected in promises]
    figure = go.Figure(
        go.Heatmap(
            z=[[None if check is None else int(check.success) for check in row] for row in grid],
            x=[str(day) for day in days],
            y=[f"{escape(column)} {escape(expected)}" for column, expected in promises],
            text=[["" if c is None else escape(observed(c)) for c in row] for row in grid],
            zmin=0,
            zmax=1,
            colorscale=[[0, BAD], [1, GOOD]],
            showscale=False,
            xgap=2,
            ygap=2,
            hoverongaps=False,
            texttemplate="%{text}" if len(days) <= DAYS_WITH_VALUES else None,
            textfont={"size": 11, "color": INK},
            hovertemplate="%{x}, %{y}: observed %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", side="top")
    figure.update_yaxes(type="category", autorange="reversed", automargin=True, tickfont={"size": 11})
    return styled(figure, 50 + 19 * len(promises), bottom=10)


def runs(last: Sequence[Run]) -> go.Figure:
    """Seconds of the newest run of each job; a run that did not end well is red."""
    texts = [
        f"{number(run.seconds, 1)} s{'' if run.status == 'done' else ', ' + plain(run.status)}"
        for run in last
    ]
    figure = go.Figure(
        go.Bar(
            y=[escape(run.job) for run in last],
            x=[run.seconds for run in last],
            orientation="h",
            text=texts,
            textposition="outside",
            cliponaxis=False,
            marker_color=[GOOD if run.status == "done" else BAD for run in last],
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    longest = max([run.seconds for run in last] + [1.0])
    figure.update_xaxes(title_text="wall time of the newest run (seconds)", range=[0, 1.2 * longest])
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    return styled(figure, 70 + 30 * len(last), top=10)


def observed(check: Check) -> str:
    """The figure a check saw; a dash when there was none."""
    return NOTHING if check.observed in ("nan", "inf", "-inf", None) else check.observed
