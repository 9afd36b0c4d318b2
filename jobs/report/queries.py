"""What the page says about the newest published day, the checks and the runs, each as one SQL query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

Database = duckdb.DuckDBPyConnection
CANDIDATES, SCORES = "engagement.candidates", "scores.advertiser_scores"
DAILY_TABLES = (
    "facts.advertiser_daily",
    "quarantine.advertiser_daily",
    "features.sequences",
    SCORES,
    CANDIDATES,
    "engagement.rewarded_task",
    "engagement.push_message",
    "ops.published_days",
)


@dataclass(frozen=True)
class Headline:
    """Totals of one published day; pairs are advertiser x scenario, reward_budget is money."""

    ds: date
    model_version: str
    pairs: int
    eligible: int
    treatment: int
    control: int
    rewarded_tasks: int
    reward_budget: float
    push_messages: int


@dataclass(frozen=True)
class ScenarioSelection:
    """Counts of pairs of one scenario on one day."""

    scenario: str
    pairs: int
    eligible: int
    treatment: int
    control: int

    @property
    def selected(self) -> int:
        """Candidates of both arms."""
        return self.treatment + self.control

    @property
    def share(self) -> float:
        """Selected / eligible pairs, in [0, 1]; 0 when none is eligible."""
        return self.selected / self.eligible if self.eligible else 0.0


@dataclass(frozen=True)
class Candidate:
    """One selected pair and its offer: a task, a message, or in the control arm neither (None)."""

    scenario: str
    rank: int
    advertiser: str
    arm: str
    active_rate: float
    recent_value: float
    reasons: list[str]
    task_type: str | None
    target: float | None
    reward: float | None
    valid_to: date | None
    template: str | None
    send_after: str | None


@dataclass(frozen=True)
class Check:
    """One promise on one day."""

    suite: str
    ds: date
    expectation: str
    column: str
    observed: str
    expected: str
    success: bool


@dataclass(frozen=True)
class Run:
    """One run of a job, seconds of wall time; bytes and skew as in jobs.common.spark_metrics.RunMetrics."""

    job: str
    start_ds: date
    end_ds: date
    rows_in: int | None
    rows_out: int | None
    rows_quarantined: int | None
    seconds: float
    status: str
    error: str | None
    code_version: str | None
    finished_at: str
    bytes_read: int | None
    bytes_written: int | None
    shuffle_bytes: int | None
    spilled_bytes: int | None
    skew: float | None


def newest_published(db: Database, start: date, end: date) -> Headline | None:
    """Totals of the newest published day of the range; None when no day of it is published."""
    newest = "SELECT max(ds) FROM ops.published_days WHERE ds BETWEEN ? AND ?"
    ds = _rows(db, newest, start, end)[0][0]
    if ds is None:
        return None
    version = _rows(db, "SELECT max(model_version) FROM ops.published_days WHERE ds = ?", ds)[0][0]
    scored = _rows(db, f"SELECT count(*), count(*) FILTER (WHERE eligible) FROM {SCORES} WHERE ds = ?", ds)[0]
    arms = "count(*) FILTER (WHERE arm = 'treatment'), count(*) FILTER (WHERE arm = 'control')"
    chosen = _rows(db, f"SELECT {arms} FROM {CANDIDATES} WHERE ds = ? AND selected", ds)[0]
    tasks = "SELECT count(*), coalesce(sum(reward_amount), 0) FROM engagement.rewarded_task WHERE ds = ?"
    messages = "SELECT count(*) FROM engagement.push_message WHERE ds = ?"
    return Headline(ds, version, *scored, *chosen, *_rows(db, tasks, ds)[0], *_rows(db, messages, ds)[0])


def selection_by_scenario(db: Database, ds: date) -> list[ScenarioSelection]:
    """Counts per scenario, the one with the most eligible pairs first."""
    query = f"""
        SELECT scenario_id, count(*), count(*) FILTER (WHERE eligible) AS eligible_pairs,
          count(*) FILTER (WHERE selected AND arm = 'treatment'),
          count(*) FILTER (WHERE selected AND arm = 'control')
        FROM {CANDIDATES} WHERE ds = ? GROUP BY scenario_id ORDER BY eligible_pairs DESC, scenario_id"""
    return [ScenarioSelection(*row) for row in _rows(db, query, ds)]


def reasons_by_scenario(db: Database, ds: date) -> list[tuple[str, str, int]]:
    """(scenario, reason code, selected pairs that have it), codes being what stands before `=`."""
    query = f"""
        WITH told AS (
          SELECT scenario_id, advertiser_id, unnest(reasons) AS reason
          FROM {CANDIDATES} WHERE ds = ? AND selected)
        SELECT scenario_id, split_part(reason, '=', 1) AS code, count(DISTINCT advertiser_id)
        FROM told GROUP BY ALL ORDER BY ALL"""
    return [(row[0], row[1], row[2]) for row in _rows(db, query, ds)]


def top_candidates(db: Database, ds: date, limit: int) -> list[Candidate]:
    """The first `limit` candidates of each scenario with their offers, by scenario and rank."""
    same = "USING (advertiser_id, scenario_id)"
    query = f"""
        WITH task AS (SELECT * FROM engagement.rewarded_task WHERE ds = $ds),
          message AS (SELECT * FROM engagement.push_message WHERE ds = $ds)
        SELECT scenario_id, c.rank, advertiser_id, c.arm, c.predicted_active_rate, c.recent_value, c.reasons,
          task.rewarded_task_type, task.target_value, task.reward_amount, task.valid_to,
          message.template_id, strftime(message.send_after, '%Y-%m-%d %H:%M')
        FROM {CANDIDATES} AS c LEFT JOIN task {same} LEFT JOIN message {same}
        WHERE c.ds = $ds AND c.selected AND c.rank <= $limit ORDER BY scenario_id, c.rank, advertiser_id"""
    return [Candidate(*row) for row in db.execute(query, {"ds": ds, "limit": limit}).fetchall()]


def check_results(db: Database, start: date, end: date) -> list[Check]:
    """Every check of the range, by suite, column and day."""
    query = """
        SELECT suite, ds, expectation, "column", observed, expected, success
        FROM ops.check_results WHERE ds BETWEEN ? AND ? ORDER BY suite, "column", expectation, ds"""
    return [Check(*row) for row in _rows(db, query, start, end)]


def last_runs(db: Database, per_job: int) -> list[Run]:
    """The newest runs of every job, newest first; jobs in the order in which they last ended."""
    query = """
        WITH numbered AS (
          SELECT *, row_number() OVER (PARTITION BY job ORDER BY finished_at DESC) AS age,
            max(finished_at) OVER (PARTITION BY job) AS job_ended
          FROM ops.job_runs)
        SELECT job, start_ds, end_ds, rows_in, rows_out, rows_quarantined, seconds, status, error,
          code_version, strftime(finished_at, '%Y-%m-%d %H:%M:%S'),
          bytes_read, bytes_written, shuffle_bytes, spilled_bytes, skew
        FROM numbered WHERE age <= ? ORDER BY job_ended, job, age"""
    return [Run(*row) for row in _rows(db, query, per_job)]


def rows_per_table(db: Database, start: date, end: date) -> list[tuple[str, int]]:
    """(table, rows of the range) of every daily table, in the order of the flow."""
    count = "SELECT count(*) FROM {} WHERE ds BETWEEN ? AND ?"
    return [(table, _rows(db, count.format(table), start, end)[0][0]) for table in DAILY_TABLES]


def _rows(db: Database, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return db.execute(query, list(values)).fetchall()
