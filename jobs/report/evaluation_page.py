"""report/evaluation.html: M2M against everything a user would pick instead, in one self-contained page.

It reads the tables of evaluate_models with DuckDB over delta-rs, starts no Spark and needs no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from string import Template

from plotly.offline import get_plotlyjs

from jobs.common.settings import Settings
from jobs.report import evaluation_sections as sections
from jobs.report.evaluation_data import PARTS, Evaluation, Run
from jobs.report.evaluation_queries import read
from jobs.report.html import Markup, join, paragraph, text
from jobs.report.page import TEMPLATE
from jobs.report.page_file import put_page
from jobs.report.tables import evaluation_schemas, open_views
from jobs.report.words import NOTHING, number

PAGE = "evaluation.html"
PART_WORDS = {"train": "Trained on", "valid": "picked on", "test": "measured on"}


def write_page(root: str, settings: Settings, folder: Path) -> Path:
    """Write the page below `folder` and return its path; `root` is that of the warehouse.

    Readers see the old page or the new one, whole; the same tables give the same bytes. Raises ValueError when
    the warehouse holds no table of an evaluation.
    """
    page = render(read(open_views(root, evaluation_schemas())), settings)
    return put_page(folder, PAGE, page)


def render(found: Evaluation, settings: Settings) -> str:
    """The page as text."""
    tasks = found.tasks(settings.task_names)
    body = join(
        _top(found, settings),
        sections.models(found),
        sections.cells(found, tasks),
        sections.scenarios(found),
        sections.ablations(found),
        sections.sensitivity(found),
        sections.new_scenarios(found),
        sections.calibration(found),
        sections.cost(found),
        sections.rules(found),
    )
    title = f"Evaluation of M2M, {settings.platform}"
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=text(title), body=body, plotly=get_plotlyjs()
    )


def _top(found: Evaluation, settings: Settings) -> Markup:
    title = Markup(f"<h1>Evaluation of M2M: {text(settings.platform)}</h1>")
    links = "".join(f'<a href="#{name}">{text(words)}</a>' for name, words in sections.TITLES.items())
    if not found.runs:
        about = paragraph(
            "The run table holds no run, so days, rows and number of trainings are unknown.", "missing"
        )
    else:
        about = join(*(paragraph(words, "soft") for words in _about(found.runs)), *_warning(found.runs))
    return join(title, about, sections.headline(found), Markup(f"<nav>{links}</nav>"))


def _about(runs: Sequence[Run]) -> list[str]:
    """Days and rows of the parts; seeds, trainings, versions."""
    seeds = sorted({run.seed for run in runs if run.seed}) or [0]
    parts = [f"{PART_WORDS[part]} {_part(runs, place)}" for place, part in enumerate(PARTS)]
    code = ", ".join(sorted({run.code_version for run in runs if run.code_version})) or "unknown"
    chosen = ", ".join(sorted({run.settings_version for run in runs if run.settings_version})) or "unknown"
    # A mix fits nothing: its members are there as models of their own.
    tried = number(sum(run.fits for run in runs if run.kind != "mix"))
    return [
        "; ".join(parts) + ".",
        f"{number(len({run.model for run in runs}))} models, seeds {', '.join(map(str, seeds))}, {tried} trainings "
        "tried for them, tuning included; those of the two studies come on top. "
        f"Code version {code}, settings version {chosen}.",
    ]


def _part(runs: Sequence[Run], place: int) -> str:
    days = sorted({_days(*run.days[place]) for run in runs})
    rows = sorted({run.rows[place] for run in runs} - {None}, key=lambda count: count or 0)
    counted = " or ".join(number(count) for count in rows)
    return f"{' or '.join(days)} ({counted or NOTHING} rows)"


def _days(first: date | None, last: date | None) -> str:
    return str(first or NOTHING) if first == last else f"{first or NOTHING} to {last or NOTHING}"


def _warning(runs: Sequence[Run]) -> list[Markup]:
    """Rows are only comparable when they come from the same days, settings and number of rows (--quick takes few)."""
    trained = {run.rows for run in runs if run.kind not in ("naive", "mix")}
    if len({(run.days, run.settings_version) for run in runs}) < 2 and len(trained) < 2:
        return []
    words = "The runs differ in days, settings or rows: models measured on other data are not comparable."
    return [paragraph(words, "alarm")]
