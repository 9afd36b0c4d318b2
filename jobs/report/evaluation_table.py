"""The table of all models: errors with the seeds' spread, cost, and M2M's lead with its interval."""

from __future__ import annotations

from collections.abc import Iterable

from jobs.report.evaluation_data import Comparison, Evaluation, Seeds
from jobs.report.evaluation_words import ESTIMATES, KINDS, M2M, model_in_words
from jobs.report.html import Column, Markup, table, text
from jobs.report.words import NOTHING, number, plain

DECIMALS = 4
ERRORS = tuple((estimate, metric) for estimate in ESTIMATES for metric in ("nmae", "smape"))


def model_table(found: Evaluation) -> Markup:
    """A row per model, by kind. Bold: best without mixes; a chip: best of all rows."""
    columns: list[Column] = [("Model", "k")]
    columns += [(f"{metric.upper()} ({estimate})", "n") for estimate, metric in ERRORS]
    columns += [
        ("CPU seconds", "n"),
        ("Parameters", "n"),
        ("M2M's lead (median, below it mean)", "n"),
    ]
    unmixed = {key: _lowest(found, found.unmixed, *key) for key in ERRORS}
    overall = {key: _lowest(found, found.kinds, *key) for key in ERRORS}
    rows = []
    for model, kind in found.kinds.items():
        errors = [_error(found, model, key, unmixed[key], overall[key]) for key in ERRORS]
        rows.append([_name(model, kind), *errors, *_cost(found, model), _lead(found, model)])
    return table(columns, rows)


def interval(found: Comparison, decimals: int = DECIMALS) -> str:
    """ "+0.0123 [+0.0041, +0.0205]"."""
    return f"{_signed(found.difference, decimals)} [{_signed(found.low, decimals)}, {_signed(found.high, decimals)}]"


def verdict(found: Comparison) -> str:
    """CSS class: good when the whole interval is above 0, bad when below, none when it holds 0."""
    return "good" if found.low > 0 else "bad" if found.high < 0 else ""


def mean_over_seeds(values: Iterable[float | None]) -> float | None:
    """Mean of those that are known; None without one."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _name(model: str, kind: str) -> Markup:
    name = text(model_in_words(model))
    group = f"<small>{text(KINDS.get(kind, plain(kind)))}</small>"
    return Markup(f"<b>{name}</b>" if model == M2M else f"{name}{group}")


def _lowest(found: Evaluation, models: Iterable[str], estimate: str, metric: str) -> str | None:
    """The lowest figure as it is shown: models that look equal are equally best."""
    means = [_seeds(found, model, estimate, metric).mean for model in models]
    return number(min((mean for mean in means if mean is not None), default=None), DECIMALS)


def _error(
    found: Evaluation, model: str, key: tuple[str, str], unmixed: str | None, overall: str | None
) -> Markup:
    seeds = _seeds(found, model, *key)
    shown = number(seeds.mean, DECIMALS)
    if seeds.mean is None:
        return text(shown)
    spread = (
        Markup("") if seeds.spread is None else Markup(f"<small>± {number(seeds.spread, DECIMALS)}</small>")
    )
    best = Markup('<span class="chip">best</span> ') if shown == overall else Markup("")
    value = f"<b>{shown}</b>" if shown == unmixed and model in found.unmixed else shown
    return Markup(f"{best}{value}{spread}")


def _seeds(found: Evaluation, model: str, estimate: str, metric: str) -> Seeds:
    score = found.score(model, estimate)
    return score.nmae if metric == "nmae" else score.smape


def _cost(found: Evaluation, model: str) -> list[Markup]:
    mine = [run for run in found.runs if run.model == model]
    seconds = mean_over_seeds(run.seconds for run in mine)
    decimals = 1 if seconds is not None and seconds < 10 else 0
    size = mean_over_seeds(run.parameters for run in mine)
    return [text(number(seconds, decimals)), text(number(size))]


def _lead(found: Evaluation, model: str) -> Markup:
    parts = []
    for estimate, tag in zip(ESTIMATES, ("span", "small"), strict=True):
        known = found.comparisons.get((model, estimate))
        if known is not None:
            parts.append(f'<{tag} class="{verdict(known)}">{text(interval(known))}</{tag}>')
    return Markup("".join(parts)) if parts else text("" if model == M2M else NOTHING)


def _signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}"
