"""How every chart looks: colours, fonts, margins."""

from __future__ import annotations

import plotly.graph_objects as go

GOOD, BAD, INK, SOFT, GRID = "#7cc79a", "#dc4c4c", "#1f2937", "#b6bcc6", "#e5e7eb"
TREATMENT, CONTROL, SHARE = "#2563eb", "#a8b8d0", "#93b4f5"
COLOURS = ("#2563eb", "#ea7317", "#16a34a", "#9333ea", "#db2777", "#0891b2", "#a16207", "#64748b")


def styled(figure: go.Figure, height: int, top: int = 50, bottom: int = 50) -> go.Figure:
    """The same look for every chart; height in pixels."""
    figure.update_layout(
        height=height,
        template="none",
        font={"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": INK},
        margin={"l": 60, "r": 30, "t": top, "b": bottom},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"bgcolor": "white"},
    )
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "automargin": True, "title_font_size": 13, "ticks": ""}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis, ticklabelstandoff=6)
    return figure
