"""The whole page: what the queries found, in one self-contained HTML text."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from string import Template

import duckdb
from plotly.offline import get_plotlyjs

from jobs.common.code_files import beside_the_code
from jobs.common.settings import Settings
from jobs.report import queries, sections, trust_section
from jobs.report.html import Markup, join, paragraph, section, text
from jobs.report.trust import judge_distribution
from jobs.report.truth import judge
from jobs.report.truth_section import predicted_against_actual

TEMPLATE = beside_the_code("jobs", "report", "page.html")
TOP_PER_SCENARIO = 15
RUNS_PER_JOB = 3
SUITES = ("sequences", "scores")
SECTIONS = (
    ("selected", "Who was selected"),
    ("truth", "Predicted against actual"),
    (trust_section.NAME, trust_section.TITLE),
    ("checks", "Checks"),
    ("runs", "Runs"),
)


def render(
    database: duckdb.DuckDBPyConnection, settings: Settings, start: date, end: date, folder: Path
) -> str:
    """The page about the days start..end. `folder` is where it will lie: Data Docs below it are linked."""
    day = queries.newest_published(database, start, end)
    last = queries.last_runs(database, RUNS_PER_JOB)
    trained = next((run for run in last if run.job == "train_model" and run.status == "done"), None)
    found = judge(database, settings, start, end)
    body = join(
        _top(day, settings, start, end),
        _selected(database, day, settings, start, end),
        predicted_against_actual(found, settings, trained),
        trust_section.trusted(judge_distribution(database, settings) if found else None),
        sections.checks(queries.check_results(database, start, end), data_docs(folder)),
        sections.runs(last),
    )
    title = f"Advertiser engagement, {settings.platform}, {day.ds if day else end}"
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=text(title), body=body, plotly=get_plotlyjs()
    )


def data_docs(folder: Path) -> list[tuple[str, str | None]]:
    """(suite, address relative to the page or None when it was not written)."""
    addresses = {suite: f"data_docs/{suite}/index.html" for suite in SUITES}
    return [
        (suite, address if (folder / address).is_file() else None) for suite, address in addresses.items()
    ]


def _top(day: queries.Headline | None, settings: Settings, start: date, end: date) -> Markup:
    days = f"days {start} to {end}" if start != end else f"day {start}"
    about = f"Report on the {days}."
    if day is not None:
        about = f"Newest published day {day.ds}, scored by model version {day.model_version}. {about}"
    links = "".join(f'<a href="#{name}">{text(title)}</a>' for name, title in SECTIONS)
    title = Markup(f"<h1>Advertiser engagement: {text(settings.platform)}</h1>")
    totals = sections.headline(day) if day else Markup("")
    return join(title, paragraph(about, "soft"), totals, Markup(f"<nav>{links}</nav>"))


def _selected(
    database: duckdb.DuckDBPyConnection,
    day: queries.Headline | None,
    settings: Settings,
    start: date,
    end: date,
) -> Markup:
    if day is None:
        words = f"No day from {start} to {end} is published, so there is no selection to show."
        why = "The checks and runs below say why."
        return section("selected", "Who was selected", paragraph(f"{words} {why}", "missing"))
    return sections.selection(
        day,
        queries.selection_by_scenario(database, day.ds),
        queries.reasons_by_scenario(database, day.ds),
        queries.top_candidates(database, day.ds, TOP_PER_SCENARIO),
        settings,
    )
