"""Fit and score one unit: what a worker process does.

Letters: N rows of a part, m tasks.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.common.judging import Trust
from jobs.evaluation.competitors import COMPETITORS
from jobs.evaluation.fitting import FitInputs, Fitted
from jobs.evaluation.unit import Unit
from jobs.evaluation.unit_result import ESTIMATES, Facts, Predictions, result_file, save_result
from jobs.evaluation.unit_rows import Opened, open_rows
from m2m import CellTotals, Forecast, SampleSource, overall

Estimates = dict[str, NDArray[np.float32]]


def fit_unit(unit: Unit, folder: Path) -> float:
    """Fit, score and leave the result in `folder`; returns the overall validation NMAE."""
    rows = open_rows(unit, unit.training.memory_mb)
    checkpoint = folder / f"{unit.fingerprint}.safetensors"
    fit = COMPETITORS[unit.model].fit
    if fit is None:
        raise ValueError(f"{unit.model} is a mix, expected a model that is fitted")
    started = time.process_time()
    fitted = fit(_inputs(unit, rows, checkpoint))
    seconds = time.process_time() - started
    valid, test = _Scored(unit, fitted, rows.valid), _Scored(unit, fitted, rows.test)
    facts = _facts(fitted, rows, valid, test, seconds)
    kept = Predictions({"valid": valid.joined(), "test": test.joined()}) if unit.study is None else None
    save_result(result_file(folder, unit.fingerprint), facts, kept)
    checkpoint.unlink(missing_ok=True)
    return facts.valid_nmae


def _inputs(unit: Unit, rows: Opened, checkpoint: Path) -> FitInputs:
    return FitInputs(rows.train, rows.valid, unit.spec, unit.config, unit.training, checkpoint)


def _facts(fitted: Fitted, rows: Opened, valid: _Scored, test: _Scored, seconds: float) -> Facts:
    return Facts(
        seconds=seconds,
        parameters=fitted.parameters,
        train_rows=_exact_rows(rows.train),
        valid_rows=valid.rows,
        test_rows=test.rows,
        valid_nmae=overall(valid.totals["median"].cells())["nmae"],
        cells={name: totals.cells() for name, totals in test.totals.items()},
        fits=fitted.fits,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        details=dict(fitted.details),
        calibration=test.calibration(),
        interval_coverage=test.trust.interval_coverage,
        active_ece=test.trust.active_error,
    )


def _exact_rows(source: SampleSource) -> int:
    """`piece_rows` of thinned rows are nearly right only."""
    return sum(len(source.read(piece)) for piece in range(len(source.piece_rows)))


class _Scored:
    """Forecasts of a part: both estimates as float32, their metrics, and whether probabilities come true."""

    def __init__(self, unit: Unit, fitted: Fitted, source: SampleSource) -> None:
        spec = unit.spec
        self.totals = {name: CellTotals(spec.tasks) for name in ESTIMATES}
        self.trust, self.rows = Trust(spec.tasks.index(unit.active_task)), 0
        self._width = len(spec.tasks)
        self._parts: list[Estimates] = []
        for piece in range(len(source.piece_rows)):
            samples = source.read(piece)
            labels, forecast = samples.checked_labels(spec), fitted.predict(samples)
            estimates = _rounded(forecast)
            for name, values in estimates.items():
                scenario = samples.knowledge[spec.scenario_column]
                self.totals[name].add(labels, values.astype(np.float64), scenario)
            self.rows += len(samples)
            self.trust.add(labels, forecast)
            self._parts.append(estimates)

    def joined(self) -> Estimates:
        """Each estimate [N, m]."""
        empty = np.empty((0, self._width), np.float32)
        return {name: np.concatenate([empty, *(part[name] for part in self._parts)]) for name in ESTIMATES}

    def calibration(self) -> list[list[float]] | None:
        """The bins of P(active) on these rows, None without a distribution."""
        if not self.trust.rows:
            return None
        return [[b.low, b.high, b.rows, b.probability, b.share] for b in self.trust.reliability.table()]


def _rounded(forecast: Forecast) -> Estimates:
    """Both estimates as they are stored: what has one estimate has it in both places."""
    return {"mean": forecast.mean.astype(np.float32), "median": forecast.point.astype(np.float32)}
