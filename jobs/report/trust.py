"""Whether the probabilities and intervals of the known days came true.

Reads the rows that `jobs.report.truth.judge` left in the database: eligible pairs of the known days.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from jobs.common.settings import Settings

BINS = 15
Database = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Covered:
    """Shares of one task's rows whose actual total lies below p10, within [p10, p90], above p90."""

    task: str
    rows: int
    below: float
    inside: float
    above: float


@dataclass(frozen=True)
class Step:
    """Rows of one step [low, high) of P(active): their mean probability, and the share that was active."""

    low: float
    high: float
    rows: int
    probability: float
    share: float


@dataclass(frozen=True)
class Trust:
    """intervals: one entry per task. active: reliability of P(active) in equal steps, without empty ones."""

    intervals: tuple[Covered, ...]
    active: tuple[Step, ...]

    @property
    def rows(self) -> int:
        """Pairs x days."""
        return sum(step.rows for step in self.active)

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap of the steps, weighted by rows (`m2m.calibration`)."""
        return sum(step.rows * abs(step.probability - step.share) for step in self.active) / self.rows

    @property
    def inside(self) -> float:
        """Share of all labels, over rows and tasks, within their interval."""
        total = sum(each.rows for each in self.intervals)
        return sum(each.inside * each.rows for each in self.intervals) / total


def judge_distribution(db: Database, settings: Settings) -> Trust | None:
    """Compare the distribution with what came; None when the scores of the known days carry none."""
    intervals = [_covered(db, task) for task in settings.task_names]
    steps = db.execute(ACTIVE.format(actual=f'"actual_{settings.active_task}"')).fetchall()
    if not steps or not all(each.rows for each in intervals):
        return None
    active = [Step(place / BINS, (place + 1) / BINS, *figures) for place, *figures in steps]
    return Trust(tuple(intervals), tuple(active))


ACTIVE = f"""
    SELECT least(CAST(floor(probability_active * {BINS}) AS INTEGER), {BINS} - 1) AS step,
      count(*), avg(probability_active), avg(CAST({{actual}} > 0 AS INTEGER))
    FROM judged WHERE probability_active IS NOT NULL GROUP BY step ORDER BY step"""


def _covered(db: Database, task: str) -> Covered:
    actual, low, high = (
        f'"{name}"' for name in (f"actual_{task}", f"predicted_{task}_p10", f"predicted_{task}_p90")
    )
    query = f"""
        SELECT '{task}', count(*), avg(CAST({actual} < {low} AS INTEGER)),
          avg(CAST({actual} BETWEEN {low} AND {high} AS INTEGER)), avg(CAST({actual} > {high} AS INTEGER))
        FROM judged WHERE {low} IS NOT NULL"""
    task, rows, *shares = db.execute(query).fetchone() or (task, 0, None, None, None)
    return Covered(task, rows, *(share or 0.0 for share in shares))
