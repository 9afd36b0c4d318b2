"""produce_engagement: one offer per treated candidate; a rerun is the same; a published day is withdrawn."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from jobs.common.publication import publish_days
from jobs.common.warehouse import Warehouse
from jobs.produce_engagement import main
from tests.jobs.rows import DAY, arguments, candidates, content, day, write


def test_offers_of_the_day_and_a_rerun_leaves_the_same_rows(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    rows: list[dict[str, Any]] = [
        {"advertiser_id": "worth"},
        {"advertiser_id": "small", "recent_value": 1.0},
        {"advertiser_id": "held", "arm": "control"},
        {"advertiser_id": "active", "selected": False, "arm": None, "rank": None},
    ]
    yesterday = [{"advertiser_id": "worth", "ds": day(-1)}]
    write(warehouse, "engagement.candidates", candidates(spark, [*rows, *yesterday]), day(-1))
    publish_days(warehouse, [(DAY, "7", 3, 1, 1)], DAY, DAY)

    assert main(arguments(warehouse)) == 0

    tasks, messages = warehouse.read("engagement.rewarded_task"), warehouse.read("engagement.push_message")
    before = content(tasks), content(messages)
    assert [(row["advertiser_id"], row["ds"]) for row in before[0]] == [("worth", DAY)]
    assert [(row["advertiser_id"], row["ds"]) for row in before[1]] == [("small", DAY)]
    assert warehouse.read("ops.published_days").isEmpty()
    assert main(arguments(warehouse)) == 0
    assert (content(tasks), content(messages)) == before


def test_a_day_without_candidates_replaces_its_offers_by_none(
    spark: SparkSession, warehouse: Warehouse
) -> None:
    write(warehouse, "engagement.candidates", candidates(spark, [{}]))
    assert main(arguments(warehouse)) == 0
    write(warehouse, "engagement.candidates", candidates(spark, [{"arm": "control"}]))
    assert main(arguments(warehouse)) == 0
    assert warehouse.read("engagement.rewarded_task").isEmpty()
