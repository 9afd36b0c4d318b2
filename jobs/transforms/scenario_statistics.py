"""Scenario knowledge S (eq. 8): how large, how rich and how quiet a scenario was over the last T days, as of a day.

Each pair's active days are kept as bits of a few 64-bit words, a fixed-size aggregate whatever the range; numpy counts
the pairs of every end day's window from them. Letters: P pairs, D days, E end days, T history days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType

from jobs.common.settings_sections import SCENARIO_LEVELS
from jobs.transforms.scenario_levels import count_level, money_level, share_level
from jobs.transforms.sequence_plan import EPOCH, day_number

WORD_DAYS = 64
MAX_END_DAYS = 4000
MAX_CELLS = 4_000_000  # of [P, D]; larger batches are worked off in slices
COUNTED = ("pairs", "active_advertisers", "active_pair_days")
COUNTS = StructType(
    [
        StructField("scenario_id", StringType()),
        StructField("ds", DateType()),
        *(StructField(name, LongType()) for name in COUNTED),
    ]
)
Days = NDArray[np.int64]


def scenario_statistics(
    facts: DataFrame,
    pairs: DataFrame,
    active_column: str,
    value_column: str,
    history_days: int,
    days: Sequence[date],
) -> DataFrame:
    """Statistics and levels of every scenario as of each of `days`; a day ds sees facts of ds - T + 1 .. ds only.

    Args:
        facts: facts.advertiser_daily; days that no window reaches are not read.
        pairs: advertiser_id, scenario_id, first_ds of every pair; of several rows of a pair the
            smallest first_ds counts.
        active_column: a pair is active on a day when this column is > 0.
        value_column: what is summed as spend.
        history_days: T.
        days: the end days, 1 to 4000 in any order, with or without gaps.

    Returns:
        One row per scenario of `pairs` and end day: scenario_id, ds, active_advertisers, spend_per_advertiser (0 when
        none is active), zero_share (of the pairs seen by ds x T days, those without activity; null when no pair was
        seen) and the three columns of `SCENARIO_LEVELS`.
    Raises ValueError when there is no end day or there are too many.
    """
    if not 1 <= len(set(days)) <= MAX_END_DAYS:
        raise ValueError(f"{len(set(days))} end days, expected 1 to {MAX_END_DAYS}")
    plan = WindowPlan.of(days, history_days)
    known = facts.where(_within(plan.runs))
    rows = _counts(known, pairs, active_column, plan).unionByName(
        _spend(known, value_column, plan), allowMissingColumns=True
    )
    sums = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in (*COUNTED, "spend")]
    return _statistics(rows.groupBy("scenario_id", "ds").agg(*sums), history_days)


@dataclass(frozen=True)
class WindowPlan:
    """Which days the windows reach. Days are counted from 1970-01-01.

    end_days: sorted. runs: first and last day of each stretch of days that some window reaches. words: first day of
    each word of 64 days; a word begins at the first day reached that the one before does not hold, so that the days of
    a window follow each other in the words' bits.
    """

    end_days: tuple[int, ...]
    history_days: int
    runs: tuple[tuple[int, int], ...]
    words: tuple[int, ...]

    @staticmethod
    def of(days: Sequence[date], history_days: int) -> WindowPlan:
        """The plan of these end days."""
        end_days = sorted({day_number(day) for day in days})
        runs: list[tuple[int, int]] = []
        for end_day in end_days:
            first = end_day - history_days + 1
            joins = bool(runs) and first <= runs[-1][1] + 1
            runs = [*runs[:-1], (runs[-1][0], end_day)] if joins else [*runs, (first, end_day)]
        words: list[int] = []
        for first, last in runs:
            begin = max(first, words[-1] + WORD_DAYS) if words else first
            words += range(begin, last + 1, WORD_DAYS)
        return WindowPlan(tuple(end_days), history_days, tuple(runs), tuple(words))

    @property
    def window_ends(self) -> Days:
        """Place [E] of each end day's bit among the bits of all words."""
        bits = np.add.outer(np.asarray(self.words), np.arange(WORD_DAYS)).ravel()
        return np.searchsorted(bits, np.asarray(self.end_days))


def _within(runs: Sequence[tuple[int, int]]) -> Column:
    stretches = [(F.col("ds") >= _date(first)) & (F.col("ds") <= _date(last)) for first, last in runs]
    return reduce(Column.__or__, stretches)


def _date(day: int) -> date:
    return EPOCH + timedelta(days=day)


def _counts(facts: DataFrame, pairs: DataFrame, active_column: str, plan: WindowPlan) -> DataFrame:
    """COUNTS of every end day, still in parts that are to be summed up."""
    key = ("scenario_id", "advertiser_id")
    active = facts.where(F.col(active_column) > 0).select(*key, F.unix_date("ds").alias("active_day"))
    seen = pairs.where(F.col("first_ds") <= _date(plan.end_days[-1])).select(
        *key, F.unix_date("first_ds").alias("first_day")
    )
    day = F.col("active_day")
    words = [
        F.bit_or(F.when((day >= first) & (day < first + WORD_DAYS), F.expr(f"1L << (active_day - {first})")))
        for first in plan.words
    ]
    found = active.unionByName(seen, allowMissingColumns=True).groupBy(*key)
    # A pair's first day is at most its first active day, so no share passes 1 even if `pairs` lags behind.
    by_pair = found.agg(
        F.min(F.coalesce("first_day", day)).alias("first_day"), F.array(*words).alias("words")
    )
    schema = to_arrow_schema(COUNTS)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return count_pairs(batches, plan, schema)

    return by_pair.select("scenario_id", "first_day", "words").mapInArrow(count, COUNTS)


def count_pairs(
    batches: Iterator[pa.RecordBatch], plan: WindowPlan, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """COUNTS of the pairs (scenario_id, first_day, words) of all batches: one row per scenario and end day."""
    totals: dict[str, Days] = {}
    at_once = max(1, MAX_CELLS // (len(plan.words) * WORD_DAYS))
    for batch in batches:
        for start in range(0, batch.num_rows, at_once):
            for scenario, counts in _count_slice(batch.slice(start, at_once), plan):
                totals[scenario] = totals.get(scenario, 0) + counts
    if totals:
        every = np.concatenate(list(totals.values()), axis=1)
        ends = pa.array(np.tile(np.asarray(plan.end_days, dtype=np.int32), len(totals))).cast(pa.date32())
        scenarios = pa.array(
            np.repeat(np.asarray(list(totals), dtype=object), len(plan.end_days)), pa.string()
        )
        yield pa.RecordBatch.from_arrays([scenarios, ends, *map(pa.array, every)], schema=schema)


def _count_slice(batch: pa.RecordBatch, plan: WindowPlan) -> Iterator[tuple[str, Days]]:
    """Per scenario: pairs seen, active advertisers, active pair-days [3, E]."""
    scenarios = batch.column("scenario_id").dictionary_encode()
    code, first_day = scenarios.indices.to_numpy(), batch.column("first_day").to_numpy()
    in_window = _active_days(batch.column("words"), plan)
    for place, scenario in enumerate(scenarios.dictionary.to_pylist()):
        rows = code == place
        seen = np.searchsorted(np.sort(first_day[rows]), np.asarray(plan.end_days), side="right")
        of_scenario = in_window[rows]
        yield (
            scenario,
            np.stack([seen, (of_scenario > 0).sum(axis=0), of_scenario.sum(axis=0, dtype=np.int64)]),
        )


def _active_days(words: pa.ListArray, plan: WindowPlan) -> NDArray[np.int16]:
    """Active days [P, E] of each pair within each window."""
    values = words.flatten().fill_null(0).to_numpy().astype("<i8").reshape(-1, len(plan.words))
    bits = np.unpackbits(values.view(np.uint8), axis=1, bitorder="little")
    # Sums may pass int16 and wrap around; differences within one window are right all the same.
    before = np.zeros((len(bits), bits.shape[1] + 1), dtype=np.int16)
    np.cumsum(bits, axis=1, out=before[:, 1:])
    ends = plan.window_ends + 1
    return before[:, ends] - before[:, ends - plan.history_days]


def _spend(facts: DataFrame, value_column: str, plan: WindowPlan) -> DataFrame:
    """scenario_id, ds, spend: every day's total once for each end day whose window holds it."""
    totals = facts.groupBy("scenario_id", F.col("ds").alias("day")).agg(
        F.sum(F.col(value_column).cast("double")).alias("spend")
    )
    reaches = F.sequence("day", F.date_add("day", plan.history_days - 1))
    ends = F.array(*(F.lit(_date(day)) for day in plan.end_days))
    return totals.select("scenario_id", F.explode(F.array_intersect(reaches, ends)).alias("ds"), "spend")


def _statistics(sums: DataFrame, history_days: int) -> DataFrame:
    active, pair_days = F.col("active_advertisers"), F.col("pairs") * F.lit(history_days)
    spend = F.when(active > 0, F.col("spend") / active).otherwise(F.lit(0.0))
    quiet = F.when(pair_days > 0, (pair_days - F.col("active_pair_days")) / pair_days)
    found = sums.select(
        "scenario_id",
        "ds",
        "active_advertisers",
        spend.alias("spend_per_advertiser"),
        quiet.alias("zero_share"),
    )
    levels = (
        count_level(active),
        money_level(F.col("spend_per_advertiser")),
        share_level(F.col("zero_share")),
    )
    return found.select(
        "*", *(level.alias(name) for name, level in zip(SCENARIO_LEVELS, levels, strict=True))
    )
