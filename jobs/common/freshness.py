"""Which days of a feature table were built from facts that are no longer what they were: ops.feature_days.

A day of features.sequences depends on the T days of facts that end with it, on the set of pairs seen by then, on the
profile snapshots up to it, on facts.scenario and on some settings; a day of features.samples also on the next tau days
of facts. `FeatureInputs.of` folds all of that into one digest, which a build job records with the day it built.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate

from pyspark.sql.types import DateType, StringType, StructField, StructType

from jobs.common.input_days import (
    FACTS,
    PROFILES,
    FiguresByDay,
    figures_of_table,
    recorded_figures,
    refuse_missing_columns,
)
from jobs.common.pairs import PAIR, read_pairs
from jobs.common.settings import Settings
from jobs.common.side_by_side import side_by_side
from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse
from jobs.transforms.day_figures import DayFigures, figures_by, figures_of

FEATURE_DAYS = "ops.feature_days"
SCHEMA = StructType(
    [
        StructField("feature_table", StringType(), True, {"comment": "Table of features, or of scores."}),
        StructField("ds", DateType(), True, {"comment": "Day of that table that was built."}),
        StructField(
            "inputs", StringType(), True, {"comment": "Digest of everything the day was built from."}
        ),
    ]
)
# Raise it when the build jobs make other rows of the same facts: every built day is then stale.
ROW_FORMAT = 1
# Settings that decide no row of a feature table. A new setting decides until it is named here.
NO_INPUT = {
    "platform",
    "late_days",
    "calendar",
    "checks",
    "training",
    "model",
    "evaluation",
    "scoring",
    "selection",
    "engagement",
    "spark",
}
FOR_LABELS = {"horizon_days", "tasks"}


@dataclass(frozen=True)
class FeatureInputs:
    """Everything feature days depend on, as figures: facts and profiles by day, pairs by first day, two digests.

    A build job reads it before it reads the facts: what changes in between then leaves the day stale, never fresh.
    """

    history_days: int
    horizon_days: int
    facts: Mapping[date, DayFigures]
    pairs: Mapping[date, DayFigures]
    profiles: Mapping[date, DayFigures]
    constants: str
    label_constants: str

    @staticmethod
    def read(warehouse: Warehouse, settings: Settings) -> FeatureInputs:
        """The figures of a warehouse as it is now.

        A table that ingest has not recorded yet is read whole. Raises ValueError when there are no facts,
        DataCheckError when they lack a column that the settings declare.
        """
        figures, pairs, scenarios = side_by_side(
            warehouse.spark,
            lambda: _source_figures(warehouse, settings),
            lambda: _pair_figures(warehouse),
            lambda: warehouse.read("facts.scenario").orderBy("scenario_id").collect(),
        )
        constants = [row_settings(settings, with_labels=False), [row.asDict() for row in scenarios]]
        return FeatureInputs(
            history_days=settings.history_days,
            horizon_days=settings.horizon_days,
            facts=figures[FACTS],
            pairs=pairs,
            profiles=figures[PROFILES],
            constants=digest(constants),
            label_constants=digest([*constants, row_settings(settings, with_labels=True)]),
        )

    def of(self, ds: date, with_labels: bool = False) -> str:
        """Digest (32 hexadecimal digits) of what the day depends on; with_labels: of a day of features.samples."""
        last = self.horizon_days if with_labels else 0
        around = (ds + timedelta(days=offset) for offset in range(1 - self.history_days, last + 1))
        parts = [
            self.label_constants if with_labels else self.constants,
            [self.facts.get(day, DayFigures()) for day in around],
            _up_to(self._pairs_so_far, ds),
            _up_to(self._profiles_so_far, ds),
        ]
        return digest(parts)

    @cached_property
    def _pairs_so_far(self) -> SoFar:
        return _running(self.pairs)

    @cached_property
    def _profiles_so_far(self) -> SoFar:
        return _running(self.profiles)


def row_settings(settings: Settings, with_labels: bool) -> dict[str, object]:
    """The settings that decide rows of features.sequences (with_labels: of features.samples) and nothing else."""
    left_out = NO_INPUT if with_labels else NO_INPUT | FOR_LABELS
    chosen = settings.model_dump(mode="json", exclude=left_out)
    for task in chosen.get("tasks", ()):
        del task["weight"]  # of the loss, not of the label
    # As pairs: the order of columns is the order of the model's inputs, and it counts.
    columns = {
        kind: list(named.items()) if isinstance(named, dict) else named
        for kind, named in chosen["columns"].items()
    }
    return {**chosen, "columns": columns, "row_format": ROW_FORMAT}


def record_built(
    warehouse: Warehouse, table: str, built: Mapping[date, str], start_ds: date, end_ds: date
) -> None:
    """Say from what the days [start_ds, end_ds] of a feature table were built; call it after they were committed.

    `built` maps each built day to its digest; days of the range that are not in it are forgotten. Raises ValueError for
    what is no table name or a day outside the range.
    """
    warehouse.path(table)  # refuses what is no table name before it reaches SQL
    outside = sorted(ds for ds in built if not start_ds <= ds <= end_ds)
    if outside:
        raise ValueError(
            f"{table}: built days {outside[0]}..{outside[-1]}, expected days of {start_ds}..{end_ds}"
        )
    frame = small_frame(
        warehouse.spark, [(table, ds, inputs) for ds, inputs in sorted(built.items())], SCHEMA
    )
    days = f"feature_table = '{table}' and ds >= date'{start_ds}' and ds <= date'{end_ds}'"
    warehouse.replace_where(frame, FEATURE_DAYS, days, ())


def forget_built(warehouse: Warehouse, table: str, days: Collection[date]) -> None:
    """Say nothing of these days any more, before they are replaced; no commit when nothing is said of them."""
    said = sorted(set(days) & set(recorded_inputs(warehouse, table)))
    if said:
        inside = ", ".join(f"date'{day}'" for day in said)
        nothing = small_frame(warehouse.spark, [], SCHEMA)
        warehouse.replace_where(nothing, FEATURE_DAYS, f"feature_table = '{table}' and ds in ({inside})", ())


def stale_days(
    warehouse: Warehouse, inputs: FeatureInputs, table: str, with_labels: bool = False
) -> list[date]:
    """Days of a feature table that were built from other inputs than today's, oldest first.

    A day that nothing is recorded of (built before ops.feature_days, or by a run killed before it recorded) counts as
    stale: nobody knows what it was built from. A day that the table no longer holds (retention) is not asked for.
    """
    if not warehouse.exists(table):
        return []
    held = {row["ds"] for row in warehouse.read(table).select("ds").distinct().collect()}
    recorded = recorded_inputs(warehouse, table)
    return [ds for ds in sorted(held) if recorded.get(ds) != inputs.of(ds, with_labels)]


def recorded_inputs(warehouse: Warehouse, table: str) -> dict[date, str]:
    """From what each day of a table was built, as far as it is recorded: day -> digest."""
    if not warehouse.exists(FEATURE_DAYS):
        return {}
    rows = warehouse.read(FEATURE_DAYS).where(f"feature_table = '{table}'").collect()
    return {row["ds"]: row["inputs"] for row in rows}


def _source_figures(warehouse: Warehouse, settings: Settings) -> dict[str, FiguresByDay]:
    for table in (FACTS, PROFILES):
        refuse_missing_columns(warehouse, settings, table)
    recorded = recorded_figures(warehouse)
    return {
        table: recorded[table] if table in recorded else figures_of_table(warehouse, settings, table)
        for table in (FACTS, PROFILES)
    }


def _pair_figures(warehouse: Warehouse) -> FiguresByDay:
    days = figures_by(read_pairs(warehouse), "first_ds", {"pair": PAIR})
    return {row["ds"]: figures_of(row, "pair") for row in days.collect()}


SoFar = tuple[list[date], list[DayFigures]]


def _running(figures: Mapping[date, DayFigures]) -> SoFar:
    """Days in order, and the figures of everything up to each."""
    days = sorted(figures)
    return days, list(accumulate((figures[day] for day in days), DayFigures.plus))


def _up_to(so_far: SoFar, ds: date) -> DayFigures:
    days, totals = so_far
    known = bisect_right(days, ds)
    return totals[known - 1] if known else DayFigures()


def digest(parts: object) -> str:
    """32 hexadecimal digits that tell one list of plain values from any other."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]
