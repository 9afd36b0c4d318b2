"""Small builders of HTML: text given to them is escaped, what is HTML already has the type Markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NewType

import plotly.graph_objects as go
from plotly.io import to_html

Markup = NewType("Markup", str)
"""Text that is HTML already: every piece of data in it has been escaped."""

Column = tuple[str, str]
"""A table column: its title and its CSS class ("n" right-aligned number, "k" short text, "" text)."""


def text(words: object) -> Markup:
    """Any value as escaped text."""
    return Markup(escape(str(words)))


def join(*parts: Markup) -> Markup:
    """Pieces of HTML one after another."""
    return Markup("\n".join(parts))


def paragraph(words: str, css: str = "") -> Markup:
    """A paragraph of plain text."""
    return Markup(f'<p class="{css}">{escape(words)}</p>' if css else f"<p>{escape(words)}</p>")


def heading(words: str) -> Markup:
    """The heading of a part of a section."""
    return Markup(f"<h3>{escape(words)}</h3>")


def section(name: str, title: str, *parts: Markup) -> Markup:
    """A card of the page that links can point at by name."""
    return Markup(f'<section id="{name}"><h2>{escape(title)}</h2>{join(*parts)}</section>')


def tiles(figures: Sequence[tuple[str, str, str]]) -> Markup:
    """Large figures: (value, unit, what it is)."""
    cells = "".join(
        f'<div class="tile"><b>{escape(value)} <small>{escape(unit)}</small></b>'
        f"<span>{escape(what)}</span></div>"
        for value, unit, what in figures
    )
    return Markup(f'<div class="tiles">{cells}</div>')


def table(columns: Sequence[Column], rows: Sequence[Sequence[Markup]]) -> Markup:
    """A table whose cells are HTML already."""
    head = "".join(f'<th class="{css}">{escape(title)}</th>' for title, css in columns)
    styles = [css for _, css in columns]
    body = "".join(f"<tr>{_cells(styles, row)}</tr>" for row in rows)
    return Markup(
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def tabs(name: str, panels: Sequence[tuple[str, Markup]]) -> Markup:
    """One panel at a time, chosen by its label; the first is open. Works without a script."""
    parts = []
    for place, (label, panel) in enumerate(panels):
        key, checked = f"{name}-{place}", " checked" if place == 0 else ""
        parts.append(f'<input type="radio" name="{name}" id="{key}"{checked}>')
        parts.append(f'<label for="{key}">{escape(label)}</label><div class="panel">{panel}</div>')
    return Markup(f'<div class="tabs">{"".join(parts)}</div>')


def fold(words: str, content: Markup) -> Markup:
    """Content that opens on a click."""
    return Markup(f"<details><summary>{escape(words)}</summary>{content}</details>")


def chart(name: str, figure: go.Figure) -> Markup:
    """A Plotly figure; plotly.js itself is on the page once. Its JSON escapes <, > and /."""
    config = {"displayModeBar": False, "responsive": True}
    return Markup(
        to_html(figure, config=config, include_plotlyjs=False, full_html=False, div_id=f"chart-{name}")
    )


def _cells(styles: Sequence[str], row: Sequence[Markup]) -> str:
    return "".join(f'<td class="{css}">{cell}</td>' for css, cell in zip(styles, row, strict=True))
