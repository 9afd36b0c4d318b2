"""How the models of an evaluation look in every chart: names, colours, marks, legends.

Names are escaped: Plotly reads some HTML in labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from jobs.report.evaluation_words import BASELINE, M2M, MODELS, NAIVE, TREES, kind_of, model_in_words
from jobs.report.style import COLOURS, SHARE, SOFT, styled

BLUE, NAVY = COLOURS[0], "#1e3a8a"
OTHERS = [model for model, (_, kind) in MODELS.items() if kind in (TREES, BASELINE)]
MARKS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross")
TITLE_ROOM = 14
"""Pixels between the title of a y axis and its figures."""

ESTIMATE_COLOURS = {"median": BLUE, "mean": "#ea7317"}


def label(model: str) -> str:
    """The model in words, safe as a Plotly label."""
    return escape(model_in_words(model))


def colour(model: str) -> str:
    """M2M blue, naive models grey, ablations pale blue, mixes dark blue, others from the palette."""
    kind = kind_of(model)
    if kind in (TREES, BASELINE):
        return COLOURS[1 + OTHERS.index(model) % (len(COLOURS) - 1)]
    return {M2M: BLUE, NAIVE: "#9ca3af", "ablation": SHARE, "mix": NAVY}.get(kind, SOFT)


def marker(model: str, size: int = 9) -> dict[str, Any]:
    """Colour and mark; models of one kind that share a colour differ in their mark."""
    alike = [name for name in MODELS if colour(name) == colour(model)] if model in MODELS else [model]
    mark = MARKS[alike.index(model) % len(MARKS)]
    edge = {"color": "white", "width": 1}
    big = size + 4 if model == M2M else size
    return {"color": colour(model), "symbol": mark, "size": big, "line": edge}


def line(model: str) -> dict[str, Any]:
    """M2M's line is thick, those of naive models are dotted."""
    return {
        "color": colour(model),
        "width": 3 if model == M2M else 1.5,
        "dash": "dot" if kind_of(model) == NAIVE else "solid",
    }


def with_legend_beside(figure: go.Figure, height: int, top: int = 30) -> go.Figure:
    """The look of every chart, its legend to the right: many models do not fit above."""
    styled(figure, height, top=top)
    beside = {"orientation": "v", "x": 1.02, "xanchor": "left", "y": 1, "yanchor": "top", "tracegroupgap": 0}
    figure.update_layout(legend=beside)
    figure.update_yaxes(title_standoff=TITLE_ROOM)
    return figure


def on_top(models: Sequence[str]) -> list[str]:
    """M2M last: what is drawn last lies above the others."""
    return [model for model in models if model != M2M] + [model for model in models if model == M2M]


def shared_range(values: Sequence[float]) -> Mapping[str, Any]:
    """A log axis when the largest value is many times the smallest, from near the smallest otherwise."""
    wide = bool(values) and min(values) > 0 and max(values) > 4 * min(values)
    return {"type": "log", "dtick": "D2"} if wide else {"type": "linear"}


def rounded(value: float | None) -> float | None:
    """Six digits are more than a chart shows."""
    return None if value is None else float(f"{value:.6g}")
