"""The outcome on the terminal: a line for each model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jobs.evaluation.outcomes import Outcome
from jobs.evaluation.unit_result import ESTIMATES
from m2m import overall

HEADER = ("model", "mean NMAE", "SMAPE", "median NMAE", "SMAPE", "CPU s", "parameters")


def summary(outcomes: Sequence[Outcome]) -> str:
    """A table of text, models in the order they come: figures over all cells, +- half the range over seeds,
    as on the page."""
    by_model: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_model.setdefault(outcome.model, []).append(outcome)
    return aligned([HEADER, *(_line(model, found) for model, found in by_model.items())])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns of one width, the first to the left, the others to the right."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )


def _line(model: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    facts = [outcome.facts() for outcome in outcomes]
    figures = []
    for estimate in ESTIMATES:
        each = [overall(fact.cells[estimate]) for fact in facts]
        figures += [_spread([found[metric] for found in each]) for metric in ("nmae", "smape")]
    seconds = float(np.mean([fact.seconds for fact in facts]))
    return (model, *figures, f"{seconds:.1f}", f"{facts[0].parameters:,}")


def _spread(values: Sequence[float]) -> str:
    mean = f"{np.mean(values):.4f}"
    return f"{mean} +-{np.ptp(values) / 2:.4f}" if len(values) > 1 else mean
