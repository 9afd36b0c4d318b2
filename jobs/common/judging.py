"""How good a bundle's forecasts are on labelled rows, read piece by piece."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from m2m import Bundle, CellTotals, Forecast, Samples, SampleSource, Scorer, overall

Values = NDArray[np.float64]


def judge(
    bundle: Bundle, rows: SampleSource, persistence: Callable[[Samples], Values] | None = None
) -> dict[str, float]:
    """ "m2m_nmae", "m2m_smape" and, when `persistence` is given, the same of that forecast; overall."""
    spec, scorer = bundle.spec, Scorer(bundle)
    totals: dict[str, CellTotals] = {}
    for piece in range(len(rows.piece_rows)):
        samples = rows.read(piece)
        estimates = _estimates(scorer.predict(samples))
        if persistence is not None:
            estimates["persistence"] = persistence(samples)
        for name, estimate in estimates.items():
            cells = totals.setdefault(name, CellTotals(spec.tasks))
            cells.add(_labels(samples), estimate, samples.knowledge[spec.scenario_column])
    found = {name: overall(cells.cells()) for name, cells in totals.items()}
    return {f"{name}_{metric}": value for name, values in found.items() for metric, value in values.items()}


def _estimates(forecast: Forecast) -> dict[str, Values]:
    return {"m2m": forecast.mean}


def _labels(samples: Samples) -> Values:
    if samples.labels is None:
        raise ValueError("samples have no labels to compare with")
    return samples.labels
