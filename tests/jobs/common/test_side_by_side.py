"""Actions at the same time: results in order, errors told, nothing left running."""

from __future__ import annotations

import threading
import time

import pytest
from pyspark.sql import SparkSession

from jobs.common.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_actions(spark: SparkSession) -> None:
    assert side_by_side(spark, spark.range(3).count, lambda: "second", spark.range(5).count) == [
        3,
        "second",
        5,
    ]


def test_the_actions_run_at_the_same_time(spark: SparkSession) -> None:
    together = threading.Barrier(2, timeout=30)  # breaks when one action waits for the other to end
    assert sorted(side_by_side(spark, together.wait, together.wait)) == [0, 1]


def test_an_error_is_raised_after_every_action_has_ended(spark: SparkSession) -> None:
    ended = []

    def fail() -> None:
        raise ValueError("no such day")

    def work() -> None:
        time.sleep(0.2)
        ended.append("work")

    with pytest.raises(ValueError, match="no such day"):
        side_by_side(spark, fail, work)
    assert ended == ["work"]
