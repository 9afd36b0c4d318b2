"""How good a bundle's forecasts are on labelled rows, read piece by piece."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from m2m import Bundle, CellTotals, Forecast, Samples, SampleSource, Scorer, overall
from m2m.calibration import Reliability, coverage

Values = NDArray[np.float64]


def judge(
    bundle: Bundle,
    rows: SampleSource,
    active_task: str,
    persistence: Callable[[Samples], Values] | None = None,
) -> dict[str, float]:
    """Overall figures by name: "m2m_nmae" and "m2m_smape" of the mean, "m2m_median_..." of the median, the same of
    "persistence" when that forecast is given; "m2m_interval_coverage", the share of labels in [p10, p90], and
    "m2m_active_ece", the expected calibration error of P(active). A head without a distribution has no median and no
    calibration."""
    spec, scorer = bundle.spec, Scorer(bundle)
    totals: dict[str, CellTotals] = {}
    trust = Trust(spec.tasks.index(active_task))
    for piece in range(len(rows.piece_rows)):
        samples = rows.read(piece)
        labels, forecast = samples.checked_labels(spec), scorer.predict(samples)
        trust.add(labels, forecast)
        estimates = {"m2m": forecast.mean}
        if persistence is not None:
            estimates["persistence"] = persistence(samples)
        if forecast.median is not None:
            estimates["m2m_median"] = forecast.median
        for name, estimate in estimates.items():
            cells = totals.setdefault(name, CellTotals(spec.tasks))
            cells.add(labels, estimate, samples.knowledge[spec.scenario_column])
    errors = {name: overall(cells.cells()) for name, cells in totals.items()}
    figures = {f"{name}_{metric}": value for name, found in errors.items() for metric, value in found.items()}
    trusted = {"m2m_interval_coverage": trust.interval_coverage, "m2m_active_ece": trust.active_error}
    return figures | {name: value for name, value in trusted.items() if value is not None}


class Trust:
    """Calibration gathered piece by piece: how many labels lie in their interval; P(active) and what happened.

    Letters: N rows of a piece, m tasks.
    """

    def __init__(self, active: int) -> None:
        """active: which of the m tasks counts active days."""
        self.active, self.rows, self.inside = active, 0, 0.0
        self.reliability = Reliability()

    def add(self, labels: Values, forecast: Forecast) -> None:
        """Take in labels [N, m]; a forecast without a distribution leaves everything as it is."""
        low, high, probability = forecast.p10, forecast.p90, forecast.probability_positive
        if low is None or high is None or probability is None or not len(labels):
            return
        self.rows += len(labels)
        self.inside += len(labels) * coverage(labels, low, high)
        self.reliability.add(probability[:, self.active], labels[:, self.active] > 0)

    @property
    def interval_coverage(self) -> float | None:
        """Share of labels in [p10, p90]; None without a distribution."""
        return self.inside / self.rows if self.rows else None

    @property
    def active_error(self) -> float | None:
        """Expected calibration error of P(active); None without a distribution."""
        return self.reliability.error() if self.rows else None
