"""Days of landing -> the same days of facts.* and quarantine.*, earlier days only where they changed.

A run replaces its own days by what landing holds for them. The days before that it reads again are compared with what
the tables hold: a day with other rows is replaced, an equal one is left without a commit, and so is a day that landing
does not hold any more (its retention deletes no facts). Fewer rows than before are a deletion only where the day came
as a partition of its own: a flat folder may have lost an older file, and then the day is left alone and told.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.common.input_days import FiguresByDay, input_columns, refuse_missing_columns
from jobs.common.settings import Settings
from jobs.common.settings_sections import Calendar
from jobs.common.warehouse import Warehouse, day_ranges, in_ranges
from jobs.transforms.day_figures import DayFigures, figures_by, figures_of
from jobs.transforms.fact_rules import (
    TYPED,
    check_rows,
    filed_under_own_day,
    good_rows,
    quarantined_rows,
    with_typed,
)
from jobs.transforms.week_before import days_of

INGESTED_AT = {"ingested_at": "timestamp"}
LANDED, REJECTED, HELD, QUARANTINED = "landed", "rejected", "held", "quarantined"


@dataclass(frozen=True)
class Entity:
    """A kind of facts: `name` of its tables, declared columns, row rules, and the key that is unique."""

    name: str
    types: Mapping[str, str]
    rules: Sequence[Column]
    key: tuple[str, ...]


@dataclass(frozen=True)
class DaysRead:
    """Days [first, last] that were read from landing, of which those from `own` on are replaced in any case."""

    first: date
    own: date
    last: date

    @property
    def compared(self) -> list[date]:
        """Days that are replaced only where they changed."""
        return [day for day in days_of(self.first, self.last) if day < self.own]

    @property
    def replaced(self) -> list[date]:
        """Days that are replaced whatever the tables hold."""
        return days_of(self.own, self.last)


@dataclass(frozen=True)
class Outcome:
    """What became of the days: rows written to both tables, earlier days replaced, and what each day read holds now."""

    rows: int
    rows_quarantined: int
    corrected: list[date]
    figures: FiguresByDay


def replace_fact_days(
    warehouse: Warehouse, settings: Settings, raw: DataFrame, entity: Entity, days: DaysRead
) -> Outcome:
    """Judge the rows that landing holds for these days and replace them in both tables, one commit each."""
    columns = [*entity.types, *INGESTED_AT]
    typed = _of_days(with_typed(raw, {**entity.types, **INGESTED_AT}), days, settings.calendar)
    checked = check_rows(typed, list(entity.rules), entity.key).persist(StorageLevel.MEMORY_AND_DISK)
    facts, rejected = good_rows(checked, columns), quarantined_rows(checked, columns, days.first, days.last)
    found = _figures(warehouse, settings, entity, facts, rejected, days)
    corrected, of_quarantine = found.changed(days)
    left = _not_delivered_whole(checked, found, corrected, entity)
    corrected = [day for day in corrected if day not in left]
    of_quarantine = [day for day in of_quarantine if day not in left]
    _replace_quarantine(warehouse, entity, rejected, days, of_quarantine)
    _replace(warehouse, facts, f"facts.{entity.name}", [*corrected, *days.replaced])
    checked.unpersist()
    return Outcome(
        rows=found.rows(LANDED, [*corrected, *days.replaced]),
        rows_quarantined=found.rows(REJECTED, [*of_quarantine, *days.replaced]),
        corrected=sorted({*corrected, *of_quarantine}),
        figures=found.now(days, corrected),
    )


def _not_delivered_whole(
    checked: DataFrame, found: _Found, corrected: Sequence[date], entity: Entity
) -> list[date]:
    """Days that came with fewer rows than the facts hold, and not in a partition of their own; says which."""
    fewer = [day for day in corrected if found.of(LANDED, day).rows < found.of(HELD, day).rows]
    if not fewer:
        return []
    day = F.col(f"{TYPED}.ds")
    own = F.col("source_file").startswith(F.concat(F.lit("ds="), day.cast("string"), F.lit("/")))
    whole = {row["day"] for row in checked.where(own).select(day.alias("day")).distinct().collect()}
    left = [day for day in fewer if day not in whole]
    if left:
        print(
            f"ingest_facts: {entity.name}: left alone, since landing holds fewer rows of them than the facts and no "
            f"partition of their own: {', '.join(map(str, left))}; run ingest_facts for them to take them as they are",
            file=sys.stderr,
        )
    return left


def _of_days(typed: DataFrame, days: DaysRead, calendar: Calendar) -> DataFrame:
    """Rows of the days, and rows that belong to no day at all: those are reported by every run that sees them."""
    day = F.col(f"{TYPED}.ds")
    unusable = day.isNull() | ~day.between(F.lit(calendar.first_day), F.lit(calendar.last_day))
    return typed.where(day.between(F.lit(days.first), F.lit(days.last)) | unusable)


@dataclass(frozen=True)
class _Found:
    """By kind of rows and day: figures of all columns, and of the columns that sequences depend on."""

    content: Mapping[tuple[str, date], DayFigures]
    input: Mapping[tuple[str, date], DayFigures]

    def of(self, kind: str, day: date) -> DayFigures:
        return self.content.get((kind, day), DayFigures())

    def is_landed(self, day: date) -> bool:
        return self.of(LANDED, day).rows + self.of(REJECTED, day).rows > 0

    def changed(self, days: DaysRead) -> tuple[list[date], list[date]]:
        """Compared days whose facts have other rows now, and those whose quarantine is to be replaced."""
        landed = [day for day in days.compared if self.is_landed(day)]
        good = [day for day in landed if self.of(LANDED, day).rows > 0]
        of_facts = [day for day in good if self.of(LANDED, day) != self.of(HELD, day)]
        own = [day for day in landed if self.of(REJECTED, day) != self.of(QUARANTINED, day)]
        return of_facts, sorted({*of_facts, *own})

    def now(self, days: DaysRead, corrected: Sequence[date]) -> FiguresByDay:
        """Of each day read, what its facts hold once they are replaced."""
        kept = set(days.compared) - set(corrected)
        return {
            day: self.input.get((HELD if day in kept else LANDED, day), DayFigures())
            for day in days_of(days.first, days.last)
        }

    def rows(self, kind: str, days: Sequence[date]) -> int:
        return sum(self.of(kind, day).rows for day in days)


def _figures(
    warehouse: Warehouse,
    settings: Settings,
    entity: Entity,
    facts: DataFrame,
    rejected: DataFrame,
    days: DaysRead,
) -> _Found:
    """One query over landing's rows of all days and the tables' rows of the compared ones."""
    of_facts = {"content": facts.columns, "input": input_columns(settings, f"facts.{entity.name}")}
    of_rejected = {"content": rejected.columns}
    sides = [(LANDED, facts, of_facts), (REJECTED, rejected, of_rejected)]
    earlier = in_ranges(day_ranges(days.compared))
    if days.compared and warehouse.exists(f"facts.{entity.name}"):
        refuse_missing_columns(warehouse, settings, f"facts.{entity.name}")
        held = warehouse.read(f"facts.{entity.name}").where(earlier)
        quarantined = warehouse.read(f"quarantine.{entity.name}").where(earlier & filed_under_own_day())
        sides += [(HELD, held, of_facts), (QUARANTINED, quarantined, of_rejected)]
    each = [figures_by(rows, "ds", names).withColumn("kind", F.lit(kind)) for kind, rows, names in sides]
    found = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), each).collect()
    return _Found(
        content={(row["kind"], row["ds"]): figures_of(row, "content") for row in found},
        input={
            (row["kind"], row["ds"]): figures_of(row, "input")
            for row in found
            if row["kind"] in (LANDED, HELD)
        },
    )


def _replace_quarantine(
    warehouse: Warehouse, entity: Entity, rejected: DataFrame, days: DaysRead, corrected: Sequence[date]
) -> None:
    table = f"quarantine.{entity.name}"
    if corrected and warehouse.exists(table):
        # Rows without a day of their own, which the runs of those days reported there, stay.
        of_days = in_ranges(day_ranges(corrected))
        rejected = rejected.unionByName(warehouse.read(table).where(of_days & ~filed_under_own_day()))
    _replace(warehouse, rejected, table, [*corrected, *days.replaced])


def _replace(warehouse: Warehouse, rows: DataFrame, table: str, days: Sequence[date]) -> None:
    ranges = day_ranges(days)
    if ranges:
        # One file per day and table: a day of facts is read whole or not at all.
        warehouse.replace_ranges(rows.where(in_ranges(ranges)).repartition("ds"), table, ranges)
