"""What both build jobs share: which days, from what, into how many parts, and in which order rows lie in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import DataFrame

from jobs.common.ddl import add_missing_columns
from jobs.common.freshness import FeatureInputs, forget_built, record_built
from jobs.common.job import JobContext
from jobs.common.pairs import PAIRS, read_pairs
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.transforms.sequences import build_sequences, scenario_rows

ROWS_OF_A_PART = 2_000_000  # facts held at once by a task: some 400 MB
PAIRS_OF_A_PART = 50_000  # files of a day: 20 to 80 MB


@dataclass(frozen=True)
class FeatureBuild:
    """End days to build and the state of the facts that they are built from, read before the facts themselves."""

    inputs: FeatureInputs
    end_days: tuple[date, ...]
    with_labels: bool = False

    @property
    def fact_days(self) -> tuple[date, date]:
        """First and last day of facts that the end days look at."""
        ahead = self.inputs.horizon_days if self.with_labels else 0
        first = min(self.end_days) - timedelta(days=self.inputs.history_days - 1)
        return first, max(self.end_days) + timedelta(days=ahead)

    @property
    def parts(self) -> int:
        """How many parts the advertisers are dealt into: a task's memory and a file's size are bounded."""
        first, last = self.fact_days
        rows = sum(figures.rows for day, figures in self.inputs.facts.items() if first <= day <= last)
        pairs = sum(figures.rows for day, figures in self.inputs.pairs.items() if day <= max(self.end_days))
        rows += sum(
            figures.rows
            for day, figures in self.inputs.profiles.items()
            if min(self.end_days) < day <= max(self.end_days)
        )
        return max(1, -(-rows // ROWS_OF_A_PART), -(-pairs // PAIRS_OF_A_PART))

    def rows(self, warehouse: Warehouse, settings: Settings) -> DataFrame:
        """The sequences (with labels: samples) of the end days, read from the warehouse once."""
        first, last = self.fact_days
        facts = warehouse.read_days("facts.advertiser_daily", first, last)
        pairs = warehouse.read(PAIRS) if warehouse.exists(PAIRS) else read_pairs(warehouse)
        first_ever = settings.calendar.first_day
        profiles = warehouse.read_days("facts.advertiser_profile", first_ever, max(self.end_days))
        scenarios = warehouse.read("facts.scenario")
        known = scenario_rows(facts, pairs, scenarios, settings, self.end_days).toArrow()
        return build_sequences(
            facts, pairs, profiles, known, settings, self.end_days, self.with_labels, self.parts
        )

    def replace(
        self, context: JobContext, rows: DataFrame, table: str, ranges: Sequence[tuple[date, date]]
    ) -> None:
        """Replace the ranges of days by `rows` in one commit, then say what they were built from.

        Before it, what is said of them is forgotten: killed in between, they are stale, never fresh over other rows. A
        table of an older version gets the columns that it lacks.
        """
        warehouse = context.warehouse
        if warehouse.exists(table):
            add_missing_columns(warehouse, table, dict(rows.dtypes))
        forget_built(warehouse, table, self.end_days)
        warehouse.replace_ranges(rows, table, ranges)
        self._record(warehouse, table, ranges)

    def _record(self, warehouse: Warehouse, table: str, ranges: Sequence[tuple[date, date]]) -> None:
        for start, end in ranges:
            built = {
                day: self.inputs.of(day, self.with_labels) for day in self.end_days if start <= day <= end
            }
            record_built(warehouse, table, built, start, end)
