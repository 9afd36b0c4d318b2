"""Building sequences: against the usual way, a range against a day, and how cost grows with pairs and days.

Rows are made and thrown away (Spark's noop sink), for both ways alike: what is compared is making them. What it takes
to write them as well is told as figures of its own.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from jobs.build_sequences import SEQUENCES, in_scoring_order
from jobs.common.feature_build import FeatureBuild
from jobs.common.freshness import FeatureInputs
from jobs.common.settings import Settings, load_settings
from jobs.common.warehouse import Warehouse
from tests.benchmarks.facts_world import day_of, write_facts
from tests.benchmarks.figures import Figure
from tests.benchmarks.session import long_job_session
from tests.benchmarks.tree_clock import Taken, taken
from tests.benchmarks.window_way import window_per_column

COMMAND = "python -m tests.benchmarks sequences"
PAIRS, DAYS, RANGE, ROUNDS = 100_000, 70, 30, 1
GROWTH_PAIRS, GROWTH_DAYS = (50_000, 200_000, 800_000), (10, 30, 100)


def measure() -> Iterator[Figure]:
    """All figures of sequences, in one Spark session."""
    settings = load_settings()
    with long_job_session(settings) as spark, tempfile.TemporaryDirectory() as folder:
        yield from _against_windows(spark, settings, Path(folder))
        yield from _growth(spark, settings, Path(folder))


class World:
    """Facts of one size, and the ways to build from them."""

    def __init__(self, spark: SparkSession, settings: Settings, folder: Path, pairs: int, days: int) -> None:
        root = write_facts(folder / f"{pairs}x{days}", pairs, days)
        self.warehouse, self.settings, self.last = Warehouse(spark, str(root)), settings, day_of(days - 1)
        self.inputs = FeatureInputs.read(self.warehouse, settings)

    def end_days(self, count: int) -> tuple[date, ...]:
        """The last `count` days of the world."""
        return tuple(self.last - timedelta(days=back) for back in range(count))

    def ours(self, count: int) -> DataFrame:
        """Sequences of the last `count` days."""
        return FeatureBuild(self.inputs, self.end_days(count)).rows(self.warehouse, self.settings)

    def windows(self, count: int) -> DataFrame:
        """The same days with a window per column."""
        names = ("facts.advertiser_daily", "facts.pairs", "facts.advertiser_profile", "facts.scenario")
        tables = (self.warehouse.read(name) for name in names)
        return window_per_column(*tables, self.settings, min(self.end_days(count)), self.last)

    def write(self, count: int) -> None:
        """As the job does: in scoring order, to the table, in one commit."""
        rows = in_scoring_order(self.ours(count), self.settings)
        self.warehouse.replace_days(rows, SEQUENCES, min(self.end_days(count)), self.last)


def throw_away(rows: DataFrame) -> None:
    """Make every row and keep none."""
    rows.write.format("noop").mode("overwrite").save()


def _against_windows(spark: SparkSession, settings: Settings, folder: Path) -> Iterator[Figure]:
    world = World(spark, settings, folder, PAIRS, DAYS)
    ways: dict[str, Callable[[], object]] = {
        "day": lambda: throw_away(world.ours(1)),
        "range": lambda: throw_away(world.ours(RANGE)),
        "windows_day": lambda: throw_away(world.windows(1)),
        "windows_range": lambda: throw_away(world.windows(RANGE)),
    }
    taken(ways["day"]), taken(ways["windows_day"])  # compile
    runs = {name: [taken(call) for _ in range(ROUNDS)] for name, call in ways.items()}
    runs |= {
        "written_day": [taken(lambda: world.write(1))],
        "written_range": [taken(lambda: world.write(RANGE))],
    }
    for name, found in runs.items():
        yield Figure(f"sequence_{name}_seconds", round(_median(found).wall_seconds, 1), "s", COMMAND)
    yield _ratio("sequence_day_speedup", runs["windows_day"], runs["day"])
    yield _ratio("sequence_range_speedup", runs["windows_range"], runs["range"])
    yield _ratio("sequence_range_over_day", runs["range"], runs["day"])


def _growth(spark: SparkSession, settings: Settings, folder: Path) -> Iterator[Figure]:
    seconds = []
    for pairs in GROWTH_PAIRS:
        world = World(spark, settings, folder, pairs, settings.history_days)
        seconds.append(taken(lambda world=world: throw_away(world.ours(1))).processor_seconds)
    yield Figure("sequence_growth_pairs", round(exponent(GROWTH_PAIRS, seconds), 3), "", COMMAND)
    world = World(spark, settings, folder, PAIRS // 2, settings.history_days + max(GROWTH_DAYS) - 1)
    seconds = [
        taken(lambda count=count: throw_away(world.ours(count))).processor_seconds for count in GROWTH_DAYS
    ]
    yield Figure("sequence_growth_days", round(exponent(GROWTH_DAYS, seconds), 3), "", COMMAND)


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """x of the line seconds ~ size^x through the logarithms (least squares)."""
    return statistics.linear_regression([math.log(s) for s in sizes], [math.log(s) for s in seconds]).slope


def _median(runs: Sequence[Taken]) -> Taken:
    return sorted(runs, key=lambda run: run.processor_seconds)[(len(runs) - 1) // 2]


def _ratio(name: str, above: Sequence[Taken], below: Sequence[Taken]) -> Figure:
    value = _median(above).processor_seconds / _median(below).processor_seconds
    return Figure(name, round(value, 2), "", COMMAND)
