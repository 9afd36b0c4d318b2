"""The section on predicted against actual: errors, calibration and totals."""

from __future__ import annotations

from jobs.common.settings import Settings
from jobs.common.settings_sections import Task
from jobs.report import truth_figures
from jobs.report.html import Column, Markup, chart, heading, paragraph, section, table, text, tiles
from jobs.report.queries import Run
from jobs.report.truth import Cell, Truth
from jobs.report.words import MONEY, days_in_words, number, percent, plain, unit


def predicted_against_actual(found: Truth | None, settings: Settings, trained: Run | None) -> Markup:
    """Predicted against actual, or why it cannot be known yet."""
    title, horizon = "Predicted against actual", settings.horizon_days
    if found is None:
        words = f"No scored day of this range has its {horizon} future days in the facts yet"
        return section("truth", title, paragraph(f"{words}, so nothing can be compared.", "missing"))
    about = (
        f"Scored days {days_in_words(found.days)}, eligible pairs; actual is the {horizon} days after each."
    )
    if trained:
        about += f" The newest training run looked at as-of days {trained.start_ds} to {trained.end_ds}."
    return section(
        "truth",
        title,
        paragraph(about, "soft"),
        _nmae_tiles(found),
        heading("Error by scenario: mean NMAE over the tasks, lower is better"),
        chart("accuracy", truth_figures.accuracy(found)),
        heading(
            "Error by task and scenario: NMAE of model vs persistence, below it predicted / actual total"
        ),
        _cell_table(found, settings),
        heading("Calibration: the pairs in tenths by prediction, mean predicted against mean actual"),
        paragraph(
            "On the dotted line a tenth is exactly right. Means of 0 have no place on a log axis.", "soft"
        ),
        chart("calibration", truth_figures.calibration(found, settings)),
        heading(f"Totals of the next {horizon} days by as-of day"),
        chart("totals", truth_figures.totals(found, settings)),
    )


def _nmae_tiles(found: Truth) -> Markup:
    pair = found.nmae()
    if pair is None:
        return paragraph("Nothing happened in the days after, so there is no error to give.", "missing")
    ours, theirs = pair
    change = (ours - theirs) / theirs if theirs > 0 else 0.0
    words = "lower" if change < 0 else "higher"
    return tiles(
        [
            (
                number(ours, 4),
                "NMAE",
                "M2M model, overall: mean over tasks x scenarios of sum |p - y| / sum y",
            ),
            (number(theirs, 4), "NMAE", "persistence, overall: the last days again"),
            (percent(abs(change), 1), words, "error of the model against persistence"),
        ]
    )


def _cell_table(found: Truth, settings: Settings) -> Markup:
    cells = {(cell.task, cell.scenario): cell for cell in found.cells}
    columns: list[Column] = [("Scenario", "k"), ("Pairs x days", "n")]
    columns += [(f"{plain(task.name)} ({unit(task, settings)})", "n") for task in settings.tasks]
    rows = []
    for scenario in sorted({cell.scenario for cell in found.cells}):
        mine = [cells[task.name, scenario] for task in settings.tasks]
        values = [_cell(cell, task, settings) for cell, task in zip(mine, settings.tasks, strict=True)]
        rows.append([text(scenario), text(number(mine[0].rows)), *values])
    return table(columns, rows)


def _cell(cell: Cell, task: Task, settings: Settings) -> Markup:
    if cell.m2m is None or cell.persistence is None:
        return Markup("<small>nothing happened</small>")
    css = "good" if cell.m2m <= cell.persistence else "bad"
    decimals = 0 if unit(task, settings) != MONEY or cell.actual >= 1000 else 2
    sums = f"{number(cell.predicted, decimals)} / {number(cell.actual, decimals)}"
    versus = f"{number(cell.m2m, 3)}</b> vs {number(cell.persistence, 3)}"
    return Markup(f'<b class="{css}">{versus}<small>{sums}</small>')
