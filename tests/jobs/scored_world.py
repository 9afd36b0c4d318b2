"""A warehouse that is ready to be scored, and its scores in an order that can be compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs import build_sequences, score_advertisers
from jobs.common.publication import publish_days
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.score_advertisers import SCORES, SEQUENCES
from tests.benchmarks.facts_world import day_of, write_facts
from tests.benchmarks.scoring_world import register_untrained
from tests.jobs.rows import arguments

PAIRS, DAYS = 800, 20
# The day before the range is published; the first days of the range have scores of an older model.
BEFORE, FIRST, SECOND, LAST = day_of(10), day_of(11), day_of(12), day_of(DAYS - 1)
KEY = ("ds", "advertiser_id", "scenario_id")
OLD_MODEL, MODEL = "1", "2"


def build_scored_world(spark: SparkSession, settings: Settings, root: Path) -> Warehouse:
    """Sequences of BEFORE..LAST, one file a day; BEFORE scored by OLD_MODEL and published, FIRST and SECOND scored by
    it; MODEL, which is the champion, has scored nothing yet."""
    warehouse = Warehouse(spark, str(write_facts(root, PAIRS, DAYS)))
    assert build_sequences.main(arguments(warehouse, BEFORE, LAST)) == 0
    assert register_untrained(root, settings, "base", LAST, seed=1).version == OLD_MODEL
    assert score_advertisers.main(arguments(warehouse, BEFORE, SECOND)) == 0
    publish_days(warehouse, [(BEFORE, OLD_MODEL, 0, 0, 0)], BEFORE, BEFORE)
    assert register_untrained(root, settings, "base", LAST, seed=2).version == MODEL
    return warehouse


def scored_rows(warehouse: Warehouse) -> pa.Table:
    """scores.advertiser_scores of FIRST..LAST by key, without the time of scoring; read without Spark."""
    return _by_key(warehouse, SCORES).drop_columns(["scored_at"])


def sequence_keys(warehouse: Warehouse) -> pa.Table:
    """Every pair and day of FIRST..LAST that has sequences, by key."""
    return _by_key(warehouse, SEQUENCES).select(KEY)


def predictions(rows: pa.Table) -> np.ndarray:
    """The predicted columns, one row per scored row; a value the model does not give is NaN."""
    names = [name for name in rows.column_names if name.startswith(("predicted_", "probability_"))]
    return np.column_stack([rows[name].to_numpy() for name in names])


def _by_key(warehouse: Warehouse, table: str) -> pa.Table:
    days = (pc.field("ds") >= pa.scalar(FIRST)) & (pc.field("ds") <= pa.scalar(LAST))
    rows = DeltaTable(warehouse.path(table)).to_pyarrow_dataset().to_table(filter=days)
    return rows.sort_by([(name, "ascending") for name in KEY]).combine_chunks()
