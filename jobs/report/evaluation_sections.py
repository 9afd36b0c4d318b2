"""The sections on an evaluation, each with a paragraph on how to read it; what is missing is said in a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from jobs.report import evaluation_figures as figures
from jobs.report import evaluation_study_figures as study_figures
from jobs.report.evaluation_data import Evaluation
from jobs.report.evaluation_table import model_table, verdict
from jobs.report.evaluation_words import ABLATION, M2M, SETTINGS, model_in_words
from jobs.report.html import (
    Column,
    Markup,
    chart,
    fold,
    heading,
    paragraph,
    section,
    table,
    text,
    tiles,
)
from jobs.report.words import NOTHING, number, plain

TITLES = {
    "models": "All models",
    "cells": "Tasks and scenarios",
    "scenarios": "Scenarios by share",
    "ablations": "Ablations",
    "sensitivity": "Sensitivity",
    "new": "New and minor scenarios",
    "calibration": "Calibration",
    "cost": "Cost",
    "rules": "What the rules picked",
}


def headline(found: Evaluation) -> Markup:
    """Tiles: the best model, M2M, and M2M against its best rival."""
    best, rival = found.best(list(found.kinds)), found.best(found.rivals)
    told = [
        (number(found.nmae(best) if best else None, 4), "NMAE", f"best of all models: {_name(best)}"),
        (number(found.nmae(M2M), 4), "NMAE", "M2M, median-type estimate, mean over tasks x scenarios"),
        (number(found.nmae(rival) if rival else None, 4), "NMAE", f"best other model: {_name(rival)}"),
    ]
    known = found.comparisons.get((rival, "median")) if rival else None
    if known is None:
        told.append((NOTHING, "NMAE", "M2M's lead over the best other model was not compared"))
        return tiles(told)
    sides = {"good": "above 0: M2M is better", "bad": "below 0: M2M is worse", "": "holds 0: not told apart"}
    span = f"[{known.low:+.4f}, {known.high:+.4f}], {sides[verdict(known)]}"
    told.append((f"{known.difference:+.4f}", "NMAE", f"M2M's lead over the best other; 95% interval {span}"))
    return tiles(told)


def models(found: Evaluation) -> Markup:
    """The table."""
    if not found.scores:
        return _missing("models", "No model has been measured.")
    draws = sorted({each.draws for each in found.comparisons.values()})
    drawn = f" ({', '.join(map(number, draws))} draws)" if draws else ""
    words = (
        "NMAE is the mean over tasks and scenarios of sum |p - y| / sum y, lower is better; ± is half the range over "
        "the seeds. Median-type estimates aim at a small absolute error, mean-type ones at right totals: compare "
        "within a column. Bold is the best model without the mixes, the chip marks the best of all. M2M's lead is "
        f"the model's NMAE less M2M's with its 95% interval from advertisers drawn again in pairs{drawn}: green is "
        "above 0 (M2M is better), red below."
    )
    return _section("models", words, model_table(found))


def cells(found: Evaluation, tasks: Sequence[str]) -> Markup:
    """Heat map and M2M's values."""
    known = [key for key in found.scores if key[0] == M2M and key[2] in tasks and key[3] in found.scenarios]
    if not known:
        return _missing("cells", "M2M has no error by task and scenario.")
    words = (
        "How much lower M2M's median-type NMAE is in each cell, as a share of the other's: green M2M is better, red "
        "the other. The menu picks the other. The best other of each cell is picked in hindsight, cell by cell, "
        "among naive models, trees and neural baselines: harder to beat than any one of them."
    )
    heat = chart("cells", figures.heat_map(found, tasks))
    return _section("cells", words, heat, heading("M2M's median-type NMAE"), _cell_table(found, tasks))


def scenarios(found: Evaluation) -> Markup:
    """Errors per scenario beside its share of the rows."""
    if not any(found.nmae(model, scenario=name) for model in found.kinds for name in found.scenarios):
        return _missing("scenarios", "No error by scenario is known.")
    words = (
        "Scenarios from the largest to the smallest; left is the share of the test rows, right the median-type NMAE "
        "of every model, mean over the tasks. Mixes and zero are shown after a click on them in the legend."
    )
    return _section("scenarios", words, chart("scenarios", figures.by_scenario(found)))


def ablations(found: Evaluation) -> Markup:
    """M2M against its parts."""
    known = [model for model in found.of_kind(ABLATION) if found.nmae(model) is not None]
    if not known or found.nmae(M2M) is None:
        return _missing("ablations", "No ablation of M2M has been measured.")
    words = (
        "M2M and M2M with one part left out, trained the same way; in brackets the error against the whole (above 0: "
        "the part helps). Whiskers are half the range over the seeds: a difference within them says little."
    )
    return _section("ablations", words, chart("ablations", figures.ablations(found)))


def sensitivity(found: Evaluation) -> Markup:
    """The three settings of Fig. 6."""
    rows = [row for row in found.studies if row.study == "sensitivity"]
    if not rows:
        return _missing("sensitivity", "The sensitivity of M2M has not been measured.")
    symbols = ", ".join(f"{symbol} ({words})" for symbol, words in SETTINGS.values())
    words = (
        f"Overall NMAE of M2M while one of {symbols} changes and the rest stays, as in Fig. 6 of the paper. A flat "
        "line means that the setting hardly matters; the axis does not start at 0."
    )
    return _section("sensitivity", words, chart("sensitivity", study_figures.sensitivity(rows)))


def new_scenarios(found: Evaluation) -> Markup:
    """How fast each model gets good in a scenario that it has hardly seen."""
    rows = [row for row in found.studies if row.study == "new_scenario" and row.estimate == "median"]
    if not rows:
        return _missing("new", "No scenario was held out.")
    words = (
        "Each chart holds one scenario out of training and gives back a share of its rows: 0% is a scenario never "
        "seen, 100% the usual training. The lower and the further left a line falls, the less data of its own the "
        "model needs. Median-type NMAE in that scenario, mean over the tasks; wide ranges have a log axis."
    )
    return _section("new", words, chart("new", study_figures.new_scenarios(rows)))


def calibration(found: Evaluation) -> Markup:
    """Reliability of P(active), coverage of the intervals."""
    trusted = study_figures.trusted_models(found)
    if not found.steps and not trusted:
        return _missing("calibration", "No model with a distribution has been measured.")
    words = (
        "Where a model says 30%, 30% should have been active: the dotted line is exactly right. Below: the share of "
        "actual totals inside their 80% interval, dotted where it belongs, and the mean gap of P(active), 0 is "
        "perfect. Many zeros make intervals cover more: no total lies below 0."
    )
    parts = []
    if found.steps:
        parts.append(chart("reliability", study_figures.reliability(found)))
    if trusted:
        parts.append(chart("trust", study_figures.trust(found)))
    return _section("calibration", words, *parts)


def cost(found: Evaluation) -> Markup:
    """Time and size against the error."""
    known = {run.model for run in found.runs if run.seconds is not None or run.parameters is not None}
    if not any(found.nmae(model) is not None for model in known):
        return _missing("cost", "Neither time nor size of a model is known.")
    words = (
        "Median-type NMAE against the CPU seconds of one training and against the number of parameters, mean over "
        "the seeds. Lower left is better. Values below 1 stand at 1, as a log axis has no 0. Ablations and zero are "
        "shown after a click on them in the legend."
    )
    return _section("cost", words, chart("cost", figures.cost(found)))


def rules(found: Evaluation) -> Markup:
    """What was picked on validation, run by run."""
    told = [(run, picked) for run in found.runs if (picked := details_in_words(run.details))]
    if not told:
        return _missing("rules", "No run says what its rules picked.")
    words = (
        "What is listed here was fitted on training and validation days. The constants behind the rules are the same "
        "for every data set and network; they were chosen with test figures in sight (docs/decisions, 14)."
    )
    order = list(found.kinds)
    told.sort(key=lambda each: (order.index(each[0].model), each[0].seed))
    columns: list[Column] = [("Model", "k"), ("Seed", "n"), ("Trainings", "n"), ("Picked", "")]
    rows = []
    for run, picked in told:
        chips = "".join(f'<span class="chip">{text(each)}</span>' for each in picked)
        name = text(model_in_words(run.model))
        rows.append([name, text(run.seed), text(number(run.fits)), Markup(chips)])
    return _section("rules", words, fold("What was picked, run by run", table(columns, rows)))


def details_in_words(details: str | None) -> list[str]:
    """The JSON of a run as "key: value" lines, nested keys joined by commas; other text as it stands."""
    if not details:
        return []
    try:
        return _flat(json.loads(details), ())
    except ValueError:
        return [details]


def _flat(value: Any, path: tuple[str, ...]) -> list[str]:
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in _flat(inner, (*path, plain(str(key))))]
    shown = ", ".join(map(_shown, value)) if isinstance(value, list) else _shown(value)
    return [f"{', '.join(path)}: {shown}" if path else shown]


def _shown(value: Any) -> str:
    if value is None:
        return NOTHING
    return f"{value:.4g}" if isinstance(value, float) else plain(str(value))


def _cell_table(found: Evaluation, tasks: Sequence[str]) -> Markup:
    columns: list[Column] = [("Scenario", "k"), *((plain(task), "n") for task in tasks), ("mean", "n")]
    rows = []
    for scenario in [*found.scenarios, "all"]:
        values = [_value(found, task, scenario) for task in (*tasks, "all")]
        rows.append([text("mean" if scenario == "all" else scenario), *values])
    return table(columns, rows)


def _value(found: Evaluation, task: str, scenario: str) -> Markup:
    seeds = found.score(M2M, "median", task, scenario).nmae
    spread = "" if seeds.spread is None else f"<small>± {number(seeds.spread, 4)}</small>"
    return Markup(f"{number(seeds.mean, 4)}{spread}")


def _name(model: str | None) -> str:
    return "none" if model is None else model_in_words(model)


def _section(name: str, words: str, *parts: Markup) -> Markup:
    return section(name, TITLES[name], paragraph(words, "soft"), *parts)


def _missing(name: str, words: str) -> Markup:
    return section(name, TITLES[name], paragraph(words, "missing"))
