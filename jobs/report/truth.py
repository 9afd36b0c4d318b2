"""Predicted against actual: what was scored, what came, and what persistence would have said.

A scored day is known when the facts reach horizon_days beyond it. Only pairs eligible on their day count.
Persistence forecasts the last horizon_days again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from jobs.common.prediction_columns import prediction_columns
from jobs.common.settings import Settings
from jobs.common.settings_sections import Task

Database = duckdb.DuckDBPyConnection
BINS = 10


@dataclass(frozen=True)
class Cell:
    """One task in one scenario over all known days. NMAE = sum |p - y| / sum y, None when sum y is 0."""

    task: str
    scenario: str
    rows: int
    actual: float
    predicted: float
    m2m: float | None
    persistence: float | None


@dataclass(frozen=True)
class Bin:
    """One tenth of a cell's rows, ordered by prediction (1 = smallest): means in the task's unit."""

    task: str
    scenario: str
    number: int
    rows: int
    predicted: float
    actual: float


@dataclass(frozen=True)
class DayTotal:
    """Sums of one task in one scenario over the pairs of one as-of day."""

    task: str
    scenario: str
    ds: date
    predicted: float
    actual: float
    persistence: float


@dataclass(frozen=True)
class Truth:
    """Everything known about the scored days whose future is known."""

    days: tuple[date, ...]
    cells: tuple[Cell, ...]
    bins: tuple[Bin, ...]
    totals: tuple[DayTotal, ...]

    def nmae(self, scenario: str | None = None) -> tuple[float, float] | None:
        """(M2M, persistence): unweighted means over the cells whose actual sum is > 0; None without one."""
        used = [(c.m2m, c.persistence) for c in self.cells if scenario in (None, c.scenario)]
        pairs = [(ours, theirs) for ours, theirs in used if ours is not None and theirs is not None]
        if not pairs:
            return None
        return sum(ours for ours, _ in pairs) / len(pairs), sum(theirs for _, theirs in pairs) / len(pairs)


def known_days(db: Database, settings: Settings, start: date, end: date) -> tuple[date, ...]:
    """Scored days of the range whose horizon_days after it lie within the facts."""
    newest = _newest_facts(db)
    if newest is None:
        return ()
    last = min(end, newest - timedelta(days=settings.horizon_days))
    query = "SELECT DISTINCT ds FROM scores.advertiser_scores WHERE ds BETWEEN ? AND ? ORDER BY ds"
    return tuple(row[0] for row in db.execute(query, [start, last]).fetchall())


def judge(db: Database, settings: Settings, start: date, end: date) -> Truth | None:
    """Compare the known days of the range with what came; None when no scored day is known."""
    days = known_days(db, settings, start, end)
    if not days:
        return None
    db.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {_wide(settings, days)}")
    tasks = " UNION ALL ".join(_long(task.name) for task in settings.tasks)
    db.execute(f"CREATE OR REPLACE TEMP VIEW judged_tasks AS {tasks}")
    return Truth(
        days,
        tuple(Cell(*row) for row in db.execute(CELLS).fetchall()),
        tuple(Bin(*row) for row in db.execute(CALIBRATION).fetchall()),
        tuple(DayTotal(*row) for row in db.execute(TOTALS).fetchall()),
    )


CELLS = """
    SELECT task, scenario_id, count(*), sum(actual), sum(predicted),
      CASE WHEN sum(actual) > 0 THEN sum(abs(predicted - actual)) / sum(actual) END,
      CASE WHEN sum(actual) > 0 THEN sum(abs(again - actual)) / sum(actual) END
    FROM judged_tasks GROUP BY task, scenario_id ORDER BY task, scenario_id"""
CALIBRATION = f"""
    WITH placed AS (
      SELECT *, ntile({BINS}) OVER cell AS bin
      FROM judged_tasks
      WINDOW cell AS (PARTITION BY task, scenario_id ORDER BY predicted, advertiser_id, ds))
    SELECT task, scenario_id, bin, count(*), avg(predicted), avg(actual)
    FROM placed GROUP BY task, scenario_id, bin ORDER BY task, scenario_id, bin"""
TOTALS = """
    SELECT task, scenario_id, ds, sum(predicted), sum(actual), sum(again)
    FROM judged_tasks GROUP BY task, scenario_id, ds ORDER BY task, scenario_id, ds"""


def _newest_facts(db: Database) -> date | None:
    row = db.execute("SELECT max(ds) FROM facts.advertiser_daily").fetchone()
    return row[0] if row else None


def _wide(settings: Settings, days: tuple[date, ...]) -> str:
    """One row per eligible pair and known day: all predictions, actual_ and again_<task> (persistence)."""
    horizon = settings.horizon_days
    predicted = [f'"{column}"' for column in prediction_columns(settings.task_names)]
    sums = [expression for task in settings.tasks for expression in _sums(task, settings)]
    used = sorted({settings.active_day_column} | {task.column for task in settings.tasks if task.column})
    key = "advertiser_id, scenario_id"
    return f"""
        WITH scored AS (
          SELECT {key}, ds, {", ".join(predicted)} FROM scores.advertiser_scores
          WHERE eligible AND ds BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'),
        daily AS (
          SELECT {key}, ds AS day, {", ".join(f'"{name}"' for name in used)} FROM facts.advertiser_daily
          WHERE ds > DATE '{days[0]}' - {horizon} AND ds <= DATE '{days[-1]}' + {horizon})
        SELECT {key}, ds, {", ".join(predicted)}, {", ".join(sums)}
        FROM scored LEFT JOIN daily USING ({key})
        GROUP BY {key}, ds, {", ".join(predicted)}"""


def _sums(task: Task, settings: Settings) -> list[str]:
    value = f'"{task.column}"' if task.column else f'CAST("{settings.active_day_column}" > 0 AS INTEGER)'
    before = f"day > ds - {settings.horizon_days} AND day <= ds"
    after = f"day > ds AND day <= ds + {settings.horizon_days}"
    return [
        f'CAST(coalesce(sum({value}) FILTER (WHERE {days}), 0) AS DOUBLE) AS "{name}_{task.name}"'
        for name, days in (("actual", after), ("again", before))
    ]


def _long(task: str) -> str:
    columns = f'"predicted_{task}" AS predicted, "actual_{task}" AS actual, "again_{task}" AS again'
    return f"SELECT '{task}' AS task, advertiser_id, scenario_id, ds, {columns} FROM judged"
