"""The warehouse's Delta tables inside DuckDB, as any SQL consumer would read them (delta-rs, no Spark)."""

from __future__ import annotations

from pathlib import Path

import duckdb
from deltalake import DeltaTable

from jobs.common.prediction_columns import prediction_columns
from jobs.common.settings import Settings

KEY = {"advertiser_id": "VARCHAR", "scenario_id": "VARCHAR", "ds": "DATE"}
Schemas = dict[str, dict[str, str]]


def open_tables(root: str, settings: Settings) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with every table of the report as a view `schema.table`.

    A table that no job has written yet has no rows. Raises ValueError when the warehouse holds none of them.
    """
    return open_views(root, schemas(settings))


def open_views(root: str, tables: Schemas) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with each of these tables as a view `schema.table`; raises as `open_tables` does."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    found = [_open(database, root, table, columns) for table, columns in tables.items()]
    if not any(found):
        raise ValueError(f"warehouse {root} holds none of {', '.join(tables)}; check --warehouse")
    return database


def schemas(settings: Settings) -> Schemas:
    """The tables the report reads, with the columns it needs of each and their DuckDB types."""
    predictions = dict.fromkeys((*prediction_columns(settings.task_names), "predicted_active_rate"), "DOUBLE")
    daily = dict.fromkeys(settings.columns.daily, "DOUBLE")
    chosen = {"eligible": "BOOLEAN", "selected": "BOOLEAN", "rank": "INTEGER", "arm": "VARCHAR"}
    known = {"predicted_active_rate": "DOUBLE", "recent_value": "DOUBLE", "days_since_active": "INTEGER"}
    task = {
        "rewarded_task_type": "VARCHAR",
        "target_value": "DOUBLE",
        "reward_amount": "DOUBLE",
        "valid_to": "DATE",
    }
    found = {"expectation": "VARCHAR", "column": "VARCHAR", "observed": "VARCHAR", "expected": "VARCHAR"}
    run = {"job": "VARCHAR", "start_ds": "DATE", "end_ds": "DATE", "rows_in": "BIGINT", "rows_out": "BIGINT"}
    ended = {"rows_quarantined": "BIGINT", "seconds": "DOUBLE", "status": "VARCHAR", "error": "VARCHAR"}
    moved = ("bytes_read", "bytes_written", "shuffle_bytes", "spilled_bytes")
    cost = {**dict.fromkeys(moved, "BIGINT"), "skew": "DOUBLE"}
    return {
        "facts.advertiser_daily": {**KEY, **daily},
        "quarantine.advertiser_daily": {"ds": "DATE"},
        "features.sequences": dict(KEY),
        "scores.advertiser_scores": {**KEY, **predictions, "eligible": "BOOLEAN", "model_version": "VARCHAR"},
        "engagement.candidates": {**KEY, **chosen, **known, "reasons": "VARCHAR[]"},
        "engagement.rewarded_task": {**KEY, **task},
        "engagement.push_message": {**KEY, "template_id": "VARCHAR", "send_after": "TIMESTAMPTZ"},
        "ops.published_days": {"ds": "DATE", "model_version": "VARCHAR"},
        "ops.check_results": {"suite": "VARCHAR", "ds": "DATE", **found, "success": "BOOLEAN"},
        "ops.job_runs": {**run, **ended, **cost, "code_version": "VARCHAR", "finished_at": "TIMESTAMPTZ"},
    }


def evaluation_schemas() -> Schemas:
    """The tables of evaluate_models that its page reads; the predictions are not among them."""
    model = {"model": "VARCHAR", "seed": "INTEGER"}
    error = {"estimate": "VARCHAR", "scenario_id": "VARCHAR", "nmae": "DOUBLE", "smape": "DOUBLE"}
    rows = dict.fromkeys(("train_rows", "valid_rows", "test_rows"), "BIGINT")
    ends = [f"{part}_{end}_ds" for part in ("train", "valid", "test") for end in ("start", "end")]
    cost = {"seconds": "DOUBLE", "parameters": "BIGINT", "fits": "BIGINT"}
    trust = {"interval_coverage": "DOUBLE", "active_ece": "DOUBLE"}
    told = dict.fromkeys(("kind", "details", "settings_version", "code_version"), "VARCHAR")
    rival = {"rival": "VARCHAR", "seed": "INTEGER", "estimate": "VARCHAR", "scenario_id": "VARCHAR"}
    interval = dict.fromkeys(("difference", "low", "high"), "DOUBLE")
    step = dict.fromkeys(("low", "high", "probability", "share"), "DOUBLE")
    study = {"study": "VARCHAR", "setting": "VARCHAR", "value": "DOUBLE"}
    return {
        "evaluation.metrics": {**model, **error, "task": "VARCHAR", "rows": "BIGINT"},
        "evaluation.runs": {**model, **told, **rows, **dict.fromkeys(ends, "DATE"), **cost, **trust},
        "evaluation.comparisons": {**rival, **interval, "draws": "INTEGER"},
        "evaluation.calibration": {**model, **step, "rows": "BIGINT"},
        "evaluation.studies": {**study, **model, **error},
    }


def _open(database: duckdb.DuckDBPyConnection, root: str, table: str, columns: dict[str, str]) -> bool:
    schema, name = table.split(".")
    path = f"{root.rstrip('/')}/{schema}/{name}"
    # delta-rs would create the folder of a local path that is not there.
    there = ("://" in path or Path(path).is_dir()) and DeltaTable.is_deltatable(path)
    source = f"{schema}_{name}"
    added = ""
    if there:
        dataset = DeltaTable(path).to_pyarrow_dataset()
        database.register(source, dataset)
        # A table that an older version made lacks newer columns until its job runs again.
        lacking = [column for column in columns if column not in dataset.schema.names]
        added = "".join(f', NULL::{columns[column]} AS "{column}"' for column in lacking)
    else:
        nothing = ", ".join(f'NULL::{kind} AS "{column}"' for column, kind in columns.items())
        database.execute(f"CREATE VIEW {source} AS SELECT {nothing} WHERE false")
    database.execute(
        f"CREATE SCHEMA IF NOT EXISTS {schema}; CREATE VIEW {table} AS SELECT *{added} FROM {source}"
    )
    return there
