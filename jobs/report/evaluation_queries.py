"""The tables of an evaluation, each read with one SQL query; seeds are put together here.

Lists come out of SQL ordered and are added up in Python: sums over DuckDB's threads differ in their last
digits from run to run, and the page is to be the same bytes for the same tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isfinite
from typing import Any

import duckdb

from jobs.report.evaluation_data import ALL, PARTS, Comparison, Evaluation, Run, Score, Seeds, Step, Study
from jobs.report.evaluation_words import kind_of, place_of

Database = duckdb.DuckDBPyConnection


def read(database: Database) -> Evaluation:
    """The whole evaluation."""
    return Evaluation(
        runs(database), scores(database), comparisons(database), calibration(database), studies(database)
    )


def runs(database: Database) -> list[Run]:
    """Every run, by model and seed."""
    days = ", ".join(f"{part}_start_ds, {part}_end_ds" for part in PARTS)
    found = database.execute(
        f"SELECT model, seed, kind, seconds, parameters, fits, interval_coverage, active_ece, details, "
        f"settings_version, code_version, train_rows, valid_rows, test_rows, {days} "
        "FROM evaluation.runs ORDER BY model, seed"
    ).fetchall()
    return [_run(row) for row in found]


def _run(row: tuple[Any, ...]) -> Run:
    model, seed, kind, seconds, parameters, fits, coverage, ece, details, settings, code = row[:11]
    days = tuple(zip(row[14::2], row[15::2], strict=True))
    trust = (_finite(coverage), _finite(ece), details, settings, code)
    kind = kind or kind_of(model)
    return Run(model, seed, kind, _finite(seconds), parameters, fits or 0, row[11:14], days, *trust)


def scores(database: Database) -> dict[tuple[str, str, str, str], Score]:
    """Errors by (model, estimate, task, scenario); seeds in their order."""
    found = database.execute(
        "SELECT model, estimate, task, scenario_id, list(nmae ORDER BY seed, nmae), list(smape ORDER BY seed, smape), "
        "max(rows) FROM evaluation.metrics GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {row[:4]: Score(_seeds(row[4]), _seeds(row[5]), row[6] or 0) for row in found}


def comparisons(database: Database) -> dict[tuple[str, str], Comparison]:
    """M2M against every other model over all scenarios, by (rival, estimate)."""
    found = database.execute(
        "SELECT rival, estimate, difference, low, high, coalesce(draws, 0) FROM evaluation.comparisons "
        f"WHERE scenario_id = '{ALL}' AND isfinite(difference) AND isfinite(low) AND isfinite(high) "
        "ORDER BY ALL"
    ).fetchall()
    return {row[:2]: Comparison(*row[2:]) for row in found}


def calibration(database: Database) -> list[Step]:
    """Steps of P(active) of every model, lowest first; means are weighted by rows."""
    found = database.execute(
        "SELECT model, low, list(rows ORDER BY seed), list(probability ORDER BY seed), "
        "list(share ORDER BY seed) FROM evaluation.calibration "
        "WHERE rows > 0 AND isfinite(probability) AND isfinite(share) GROUP BY model, low ORDER BY ALL"
    ).fetchall()
    steps = [(model, sum(n), _weighted(p, n), _weighted(s, n)) for model, _, n, p, s in found]
    return [Step(*step) for step in sorted(steps, key=lambda s: (place_of(s[0], kind_of(s[0])), s[2]))]


def studies(database: Database) -> list[Study]:
    """Both studies, values in their order."""
    found = database.execute(
        "SELECT study, setting, value, model, scenario_id, estimate, list(nmae ORDER BY seed, nmae) "
        "FROM evaluation.studies WHERE isfinite(nmae) AND isfinite(value) "
        "GROUP BY ALL ORDER BY study, setting, scenario_id, model, estimate, value"
    ).fetchall()
    told = [
        Study(study, setting, value, model, scenario, estimate, _seeds(values))
        for study, setting, value, model, scenario, estimate, values in found
    ]
    return sorted(told, key=lambda s: place_of(s.model, kind_of(s.model)))


def _seeds(values: Sequence[float | None]) -> Seeds:
    return Seeds(tuple(value for value in values if value is not None and isfinite(value)))


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _weighted(values: Sequence[float], weights: Sequence[int]) -> float:
    return fsum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
