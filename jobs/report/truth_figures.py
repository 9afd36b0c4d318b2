"""Charts of predicted against actual, as Plotly figures.

Scenario names are escaped: Plotly reads some HTML in labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from jobs.common.settings import Settings
from jobs.report.style import COLOURS, INK, SOFT, TREATMENT, styled
from jobs.report.truth import Bin, DayTotal, Truth
from jobs.report.words import number, plain, unit

ALL = "all scenarios"
GRID_COLUMNS = 3
LINES: dict[str, tuple[str, str, Callable[[DayTotal], float]]] = {
    "actual": (INK, "solid", lambda total: total.actual),
    "predicted by M2M": (TREATMENT, "solid", lambda total: total.predicted),
    "persistence": (SOFT, "dot", lambda total: total.persistence),
}
"""Name of each line: colour, dash, which sum it shows."""


def accuracy(truth: Truth) -> go.Figure:
    """NMAE of the model beside persistence, overall and per scenario."""
    names = [None, *sorted({cell.scenario for cell in truth.cells})]
    found = [(name, truth.nmae(name)) for name in names]
    known = [(ALL if name is None else escape(name), pair) for name, pair in found if pair is not None]
    figure = go.Figure()
    for place, (label, colour) in enumerate(
        (("M2M model", TREATMENT), ("persistence (last days again)", SOFT))
    ):
        values = [pair[place] for _, pair in known]
        figure.add_bar(
            x=[name for name, _ in known],
            y=values,
            name=label,
            marker_color=colour,
            text=[number(value, 3) for value in values],
            textposition="outside",
            cliponaxis=False,
        )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(title_text="NMAE (share of the actual total)", rangemode="tozero")
    return styled(figure, 360)


def calibration(truth: Truth, settings: Settings) -> go.Figure:
    """Per task: mean prediction against mean actual of each tenth of the pairs, one line per scenario."""
    figure = _task_grid(settings)
    for place, task in enumerate(settings.tasks):
        linear, at = task.count_active_days, _at(place)
        bins = [b for b in truth.bins if b.task == task.name and (linear or min(b.predicted, b.actual) > 0)]
        _diagonal(figure, bins, place)
        for index, scenario in enumerate(_scenarios(truth)):
            line = _calibration_line(
                [b for b in bins if b.scenario == scenario], COLOURS[index % len(COLOURS)]
            )
            figure.add_scatter(
                **line, name=escape(scenario), legendgroup=scenario, showlegend=place == 0, **at
            )
        axis = {"type": "linear"} if linear else {"type": "log", "dtick": 1, "exponentformat": "SI"}
        figure.update_xaxes(**axis, title_text=f"predicted ({unit(task, settings)})", **at)
        figure.update_yaxes(**axis, title_text=f"actual ({unit(task, settings)})", **at)
    return _with_room(figure, 340 * _grid_rows(settings) + 90)


def totals(truth: Truth, settings: Settings) -> go.Figure:
    """Per task: predicted and actual sums by as-of day, with a menu for the scenario."""
    figure, shown = _task_grid(settings), [ALL, *_scenarios(truth)]
    for scenario in shown:
        for place, task in enumerate(settings.tasks):
            rows = [t for t in truth.totals if t.task == task.name and scenario in (ALL, t.scenario)]
            for line in _total_lines(rows, truth.days):
                figure.add_scatter(**line, visible=scenario == ALL, showlegend=place == 0, **_at(place))
    for place, task in enumerate(settings.tasks):
        figure.update_yaxes(title_text=unit(task, settings), rangemode="tozero", **_at(place))
    figure.update_xaxes(type="category", nticks=6)
    figure.update_layout(updatemenus=[_menu(shown, len(settings.tasks) * len(LINES))])
    return _with_room(figure, 300 * _grid_rows(settings) + 90)


def _calibration_line(bins: Sequence[Bin], colour: str) -> dict[str, Any]:
    return {
        "x": [_rounded(b.predicted) for b in bins],
        "y": [_rounded(b.actual) for b in bins],
        "mode": "lines+markers",
        "line": {"color": colour, "width": 1.5},
        "marker": {"size": 6},
    }


def _diagonal(figure: go.Figure, bins: Sequence[Bin], place: int) -> None:
    values = [_rounded(value) for b in bins for value in (b.predicted, b.actual)] or [1.0]
    ends = [min(values), max(values)]
    line = {"color": "#9ca3af", "dash": "dot"}
    right = {"name": "exactly right", "showlegend": place == 0, "hoverinfo": "skip"}
    figure.add_scatter(x=ends, y=ends, mode="lines", line=line, **right, **_at(place))


def _total_lines(totals_of_task: Sequence[DayTotal], days: Sequence[date]) -> list[dict[str, Any]]:
    lines = []
    for label, (colour, dash, value) in LINES.items():
        sums = [_rounded(sum(value(t) for t in totals_of_task if t.ds == day)) for day in days]
        look = {"mode": "lines+markers", "line": {"color": colour, "dash": dash}}
        lines.append(
            {"x": [f"{day:%m-%d}" for day in days], "y": sums, "name": label, "legendgroup": label, **look}
        )
    return lines


def _at(place: int) -> dict[str, int]:
    return {"row": place // GRID_COLUMNS + 1, "col": place % GRID_COLUMNS + 1}


def _scenarios(truth: Truth) -> list[str]:
    return sorted({cell.scenario for cell in truth.cells})


def _grid_rows(settings: Settings) -> int:
    return -(-len(settings.tasks) // GRID_COLUMNS)


def _task_grid(settings: Settings) -> go.Figure:
    rows = _grid_rows(settings)
    titles = [plain(task.name) for task in settings.tasks]
    return make_subplots(
        rows,
        GRID_COLUMNS,
        subplot_titles=titles,
        horizontal_spacing=0.08,
        vertical_spacing=0.36 / rows if rows > 1 else 0.0,
    )


def _menu(scenarios: Sequence[str], traces: int) -> dict[str, object]:
    """A menu that shows the traces of one scenario and hides the others."""
    buttons = [
        {
            "label": escape(name),
            "method": "restyle",
            "args": [{"visible": _only(place, len(scenarios), traces)}],
        }
        for place, name in enumerate(scenarios)
    ]
    return {"buttons": buttons, "x": 0, "xanchor": "left", "yanchor": "bottom", "bgcolor": "white"}


def _with_room(figure: go.Figure, height: int) -> go.Figure:
    """Legend and menu above the titles of the first row: 40 pixels, in parts of the plotted height."""
    above = 1 + 40 / (height - 150)
    styled(figure, height, top=100)
    figure.update_layout(legend_y=above)
    for menu in figure.layout.updatemenus:
        menu.y = above
    return figure


def _only(chosen: int, groups: int, traces: int) -> list[bool]:
    return [group == chosen for group in range(groups) for _ in range(traces)]


def _rounded(value: float) -> float:
    """Nine digits: sums over threads differ in the last ones from run to run."""
    return float(f"{value:.9g}")
