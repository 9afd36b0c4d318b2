"""Scores of the small world, and what they are compared with: the bundle's own forward."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Row

from jobs import build_sequences, check_sequences
from jobs.common.model_inputs import samples_of_pandas
from jobs.common.model_registry import CHAMPION, ModelRegistry, RegisteredBundle
from m2m import Bundle, Forecast, Scorer
from tests.small_world import SCORED, SmallWorld

FIRST, LAST = (date.fromisoformat(day) for day in SCORED)
PREDICTIONS = ["impressions", "clicks", "expenditure", "gmv", "active_days"]


def registered(world: SmallWorld) -> RegisteredBundle:
    """The champion's place in the registry."""
    found = ModelRegistry(world.settings.platform, world.warehouse.root).find(CHAMPION)
    assert found is not None
    return found


def champion(world: SmallWorld) -> tuple[Bundle, str, str]:
    """The champion's bundle, its folder and its SHA-256."""
    found = registered(world)
    return Bundle.load(found.folder, expected_sha256=found.sha256), found.folder, found.sha256


def direct_scores(world: SmallWorld, rows: list[Row]) -> np.ndarray:
    """The bundle's own means over collected rows, without Spark's UDF machinery."""
    return direct_forecast(world, rows).mean


def direct_forecast(world: SmallWorld, rows: list[Row]) -> Forecast:
    """The bundle's own forward over collected rows, without Spark's UDF machinery."""
    spec = champion(world)[0].spec
    frame = pd.DataFrame([row.asDict() for row in rows])
    for name in (*spec.sequence_columns, "advertiser_window_sums"):
        frame[name] = frame[name].map(np.asarray)
    return Scorer(champion(world)[0]).predict(samples_of_pandas(frame, spec))


def by_key(frame: DataFrame) -> dict[tuple[str, str, date], list[float]]:
    """Predicted means by advertiser, scenario and day; a pair comes once a day."""
    rows = frame.collect()
    found = {
        (r.advertiser_id, r.scenario_id, r.ds): [r[f"predicted_{name}"] for name in PREDICTIONS] for r in rows
    }
    assert len(found) == len(rows)
    return found


def restore_sequences(world: SmallWorld) -> None:
    """Build the days again; what is said of them is forgotten with the old rows, so they are checked again."""
    assert world.run(build_sequences.main, SCORED) == 0
    assert world.run(check_sequences.main, SCORED) == 0
