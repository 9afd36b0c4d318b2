"""Scenario statistics equal a plain Python reference over random pairs and days, and see nothing of the future."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, strategies
from hypothesis import settings as hypothesis_settings
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, DoubleType, LongType, StringType, StructField, StructType

from jobs.common.settings import Settings
from jobs.common.settings_sections import SCENARIO_LEVELS
from jobs.common.small_frame import small_frame
from jobs.transforms.scenario_levels import count_level, money_level, share_level
from jobs.transforms.scenario_statistics import scenario_statistics
from jobs.transforms.sequence_arrays import ScenarioRows
from jobs.transforms.sequence_plan import day_number
from jobs.transforms.sequences import scenario_rows

DAY_0 = date(2026, 1, 1)
SPAN = 330  # days of facts: several words of 64
KEY = [StructField("advertiser_id", StringType()), StructField("scenario_id", StringType())]
FACTS = StructType(
    [
        *KEY,
        *(StructField("ds", DateType()), StructField("clicks", LongType())),
        StructField("spend", DoubleType()),
    ]
)
PAIRS = StructType([*KEY, StructField("first_ds", DateType())])
STATISTICS = ("active_advertisers", "spend_per_advertiser", "zero_share", *SCENARIO_LEVELS)
few_spark_runs = hypothesis_settings(
    max_examples=6,
    phases=[Phase.explicit, Phase.generate],  # a smaller seed is no simpler world
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class World(NamedTuple):
    """facts: (advertiser, scenario, ds, clicks, spend); pairs: (advertiser, scenario, first_ds), some of them twice."""

    facts: list[tuple[str, str, date, int, float]]
    pairs: list[tuple[str, str, date]]


def day(offset: int) -> date:
    return DAY_0 + timedelta(days=offset)


def random_world(seed: int) -> World:
    """Some 200 pairs in four scenarios, dense, sparse or silent for long; `quiet` has pairs and no fact at all."""
    random = Random(seed)
    facts, pairs = [], []
    for scenario, advertisers in (("search", 120), ("feed", 60), ("new", 15), ("quiet", 5)):
        density = random.choice([0.002, 0.02, 0.3])
        for number in range(random.randint(1, advertisers)):
            pair = (f"a{number}", scenario)
            first = random.randrange(200, SPAN) if scenario == "new" else random.randrange(SPAN)
            rows = [
                d
                for d in range(first, SPAN)
                if scenario != "quiet" and (d == first or random.random() < density)
            ]
            facts += [
                (*pair, day(d), random.choice([0, 0, 1, 7]), random.choice([0.0, 0.3, 9.5, 1e4]))
                for d in rows
            ]
            pairs += [(*pair, day(first)), *([(*pair, day(first + 40))] if number % 3 == 0 else [])]
    random.shuffle(facts)
    return World(facts, pairs)


def frames(spark: SparkSession, world: World) -> tuple[DataFrame, DataFrame]:
    return small_frame(spark, world.facts, FACTS), small_frame(spark, world.pairs, PAIRS)


def computed(
    spark: SparkSession, world: World, history_days: int, days: Sequence[date]
) -> dict[Any, tuple[Any, ...]]:
    rows = scenario_statistics(*frames(spark, world), "clicks", "spend", history_days, days).collect()
    found = {(row.scenario_id, row.ds): tuple(row[name] for name in STATISTICS) for row in rows}
    assert len(found) == len(rows)
    return found


def reference(world: World, history_days: int, ds: date) -> dict[Any, tuple[Any, ...]]:
    """The definition, word by word, for one end day."""
    found = {}
    begin = ds - timedelta(days=history_days - 1)
    in_window = [row for row in world.facts if begin <= row[2] <= ds]
    for scenario in {pair[1] for pair in world.pairs}:
        window = [row for row in in_window if row[1] == scenario]
        active_days = {(row[0], row[2]) for row in window if row[3] > 0}
        active = {advertiser for advertiser, _ in active_days}
        spend = sum(row[4] for row in window) / len(active) if active else 0.0
        seen = {row[0] for row in world.pairs if row[1] == scenario and row[2] <= ds}
        quiet = 1 - len(active_days) / (len(seen) * history_days) if seen else None
        levels = (log4_level(len(active)), log4_level(spend), logit_level(quiet))
        found[scenario, ds] = (len(active), pytest.approx(spend), pytest.approx(quiet), *levels)
    return found


def log4_level(value: float) -> int:
    return 0 if value == 0 else sum(value >= 4**step for step in range(1, 40)) + 1


def logit_level(share: float | None) -> int:
    borders = (1 / (1 + math.exp(-logit)) for logit in (-5, -3, -1, 1, 3, 5))
    return 0 if share is None else 1 + sum(share >= border for border in borders)


end_days = strategies.one_of(
    strategies.tuples(strategies.integers(0, SPAN - 1), strategies.integers(1, 45)).map(
        lambda drawn: [*range(drawn[0], drawn[0] + drawn[1])]
    ),
    strategies.lists(strategies.integers(-5, SPAN + 60), min_size=1, max_size=12),
)


@few_spark_runs
@given(strategies.integers(0, 10**6), strategies.sampled_from([7, 40, 130]), end_days)
def test_equals_the_plain_python_reference(
    spark: SparkSession, seed: int, history_days: int, offsets: list[int]
) -> None:
    world = random_world(seed)
    days = [day(offset) for offset in offsets]
    expected = {key: row for ds in days for key, row in reference(world, history_days, ds).items()}
    found = computed(spark, world, history_days, days)
    # A scenario whose first pair comes after the last end day is not known yet.
    unknown = {
        key for key in expected if all(first > max(days) for _, s, first in world.pairs if s == key[0])
    }
    assert all(expected.pop(key)[-3:] == (0, 0, 0) for key in unknown)
    assert found == expected


@few_spark_runs
@given(strategies.integers(0, 10**6), strategies.integers(20, SPAN - 10), strategies.booleans())
def test_nothing_after_the_day_changes_it(
    spark: SparkSession, seed: int, offset: int, other_days: bool
) -> None:
    world, ds = random_world(seed), day(offset)
    past = World(
        [(a, f"past of {s}", *row) for a, s, *row in world.facts if row[0] <= ds],
        [(a, f"past of {s}", first) for a, s, first in world.pairs if first <= ds],
    )
    days = [ds, day(offset + 1), day(offset + 30)] if other_days else [ds]
    # Both in one run: a scenario's statistics have nothing to do with another's.
    both = computed(spark, World(world.facts + past.facts, world.pairs + past.pairs), 40, days)
    scenarios = {scenario for _, scenario, _ in world.pairs}
    nothing = (0, 0.0, None, 0, 0, 0)
    whole = {scenario: both.get((scenario, ds), nothing) for scenario in scenarios}
    known = {scenario: both.get((f"past of {scenario}", ds), nothing) for scenario in scenarios}
    assert whole == pytest.approx(known)
    assert any(row != nothing for row in known.values())


def test_four_hundred_days_apart_and_a_pair_active_once(spark: SparkSession) -> None:
    active = ("a1", "search", day(0), 1, 2.0)
    world = World([active], [("a1", "search", day(0)), ("a2", "search", day(6))])
    days = [*(day(offset) for offset in range(398)), day(-1), day(5000)]
    found = computed(spark, world, 40, days)
    assert len(found) == 400
    assert found["search", day(-1)] == (0, 0.0, None, 0, 0, 0)
    assert found["search", day(0)] == (1, 2.0, 1 - 1 / 40, 1, 1, 6)
    assert found["search", day(39)] == (1, 2.0, 1 - 1 / 80, 1, 1, 6)
    assert found["search", day(40)] == found["search", day(5000)] == (0, 0.0, 1.0, 0, 0, 7)


def test_no_end_day_and_too_many_are_refused(spark: SparkSession) -> None:
    facts, pairs = frames(spark, World([], []))
    with pytest.raises(ValueError, match="0 end days, expected 1 to 4000"):
        scenario_statistics(facts, pairs, "clicks", "spend", 40, [])
    with pytest.raises(ValueError, match="4001 end days, expected 1 to 4000"):
        scenario_statistics(facts, pairs, "clicks", "spend", 40, [day(offset) for offset in range(4001)])


def test_rows_get_the_attributes_and_levels_of_their_scenario_and_day(
    spark: SparkSession, settings: Settings
) -> None:
    world = World([("a1", "search", day(0), 3, 70.0)], [("a1", "search", day(0))])
    facts, pairs = frames(spark, world)
    known = settings.model_copy(
        update={"history_days": 7, "active_day_column": "clicks", "value_column": "spend"}
    )
    scenarios = spark.createDataFrame(
        [("search", "s", day(-9))], "scenario_id string, scenario_type string, launched_on date"
    )
    rows = ScenarioRows(scenario_rows(facts, pairs, scenarios, known, [day(0), day(9)]).toArrow())
    ids, codes = pa.array(["search", "unheard"]), np.array([1, 0, 0])

    def of_day(offset: int) -> list[list[Any]]:
        return [column.to_pylist() for column in rows.columns(ids, day_number(day(offset)), codes)]

    launched = day(-9)
    assert of_day(0) == [[None, "s", "s"], [None, launched, launched], [0, 1, 1], [0, 4, 4], [0, 5, 5]]
    assert of_day(9)[2:] == [[0, 0, 0], [0, 0, 0], [0, 7, 7]]
    assert of_day(3) == [[None] * 3] * 2 + [[0] * 3] * 3


def test_levels_keep_their_side_of_a_border(spark: SparkSession) -> None:
    value = StructType(
        [
            StructField("count", LongType()),
            StructField("money", DoubleType()),
            StructField("share", DoubleType()),
        ]
    )
    sharp = [
        (0, 0.0, None),
        (1, 0.01, 0.0),
        (3, 3.99, 0.006),
        (4, 4.0, 0.007),
        (15, 15.9, 0.5),
        (16, 16 - 1e-12, 0.74),
    ]
    sharp += [(4**20, 4.0**20, 0.9930), (4**10 - 1, 1e300, 0.9934), (2**62, 0.5, 1.0)]
    levels = small_frame(spark, sharp, value).select(
        count_level(F.col("count")), money_level(F.col("money")), share_level(F.col("share"))
    )
    assert [tuple(row) for row in levels.collect()] == [
        (0, 0, 0),
        (1, 1, 1),
        (1, 1, 1),
        (2, 2, 2),
        (2, 2, 4),
        (3, 3, 5),
        (21, 21, 6),
        (10, 499, 7),
        (32, 1, 7),
    ]
