"""Rows of the small tables: metrics, runs, comparisons, calibration, studies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.common.run_log import code_version
from jobs.evaluation.competitors import OURS
from jobs.evaluation.labelled_keys import LabelledKeys
from jobs.evaluation.metric_rows import ALL, known, metric_rows
from jobs.evaluation.outcomes import Outcome
from jobs.evaluation.studies import StudyPoint
from jobs.evaluation.unit_result import ESTIMATES, Facts
from jobs.transforms.as_of_split import AsOfSplit, DayRange
from m2m.bootstrap import paired_bootstrap

Row = tuple[Any, ...]


def metrics(outcomes: Sequence[Outcome]) -> list[Row]:
    """evaluation.metrics."""
    return [
        (outcome.model, outcome.seed, estimate, *row)
        for outcome in outcomes
        for estimate, cells in outcome.facts().cells.items()
        for row in metric_rows(cells)
    ]


def runs(outcomes: Sequence[Outcome], split: AsOfSplit, settings_version: str) -> list[Row]:
    """evaluation.runs."""
    parts = (split.train, split.valid, split.test)
    days = [day for part in parts for day in _days(part)]
    end = (*days, settings_version, code_version())
    return [_run(outcome, outcome.facts(), end) for outcome in outcomes]


def _run(outcome: Outcome, facts: Facts, end: Row) -> Row:
    rows = facts.train_rows, facts.valid_rows, facts.test_rows
    epochs = facts.epochs, facts.best_epoch
    details = json.dumps(facts.details, sort_keys=True)
    start = outcome.model, outcome.seed, outcome.kind, facts.seconds, facts.parameters
    found = known(facts.valid_nmae), details, *end, facts.fits, facts.interval_coverage, facts.active_ece
    return (*start, *rows, *epochs, *found)


def _days(part: DayRange | None) -> tuple[Any, Any]:
    return (part.start, part.end) if part else (None, None)


def calibration(outcomes: Sequence[Outcome]) -> list[Row]:
    """evaluation.calibration: nothing of a model without a distribution."""
    return [
        (outcome.model, outcome.seed, low, high, int(rows), probability, share)
        for outcome in outcomes
        for low, high, rows, probability, share in outcome.facts().calibration or []
    ]


def comparisons(
    outcomes: Sequence[Outcome], test: LabelledKeys, tasks: Sequence[str], draws: int
) -> list[Row]:
    """evaluation.comparisons: M2M against every other model that is there, errors averaged over the seeds of each."""
    by_model: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_model.setdefault(outcome.model, []).append(outcome)
    ours = by_model.pop(OURS, [])
    found = []
    for estimate in ESTIMATES if ours else ():
        our_points = _points(ours, estimate)
        for rival, theirs in by_model.items():
            seen = paired_bootstrap(
                test.labels,
                our_points,
                _points(theirs, estimate),
                test.scenario,
                test.advertiser,
                tasks,
                draws,
            )
            figures = [known(value) for value in (seen.difference, seen.low, seen.high)]
            found.append((rival, 0, estimate, ALL, *figures, draws))
    return found


def _points(outcomes: Sequence[Outcome], estimate: str) -> NDArray[np.float64]:
    """[seeds, N, m]."""
    return np.stack([np.asarray(one.predictions().of("test", estimate), np.float64) for one in outcomes])


def studies(points: Sequence[tuple[StudyPoint, Facts]]) -> list[Row]:
    """evaluation.studies: overall, or the mean over tasks in the scenario that was held out."""
    return [row for point, facts in points for row in _study_rows(point, facts)]


def _study_rows(point: StudyPoint, facts: Facts) -> Iterator[Row]:
    for estimate, cells in facts.cells.items():
        found = [row for row in metric_rows(cells) if (row.task, row.scenario_id) == (ALL, point.scenario)]
        for row in found:
            start = point.study, point.setting, float(point.value), point.unit.model, point.unit.seed
            end = row.nmae, row.smape, facts.train_rows, facts.seconds
            yield (*start, point.scenario, estimate, *end)
