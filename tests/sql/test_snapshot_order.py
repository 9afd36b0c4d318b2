"""A view reads two tables, so a reader takes two snapshots. Here days are committed between them, by a hook of Delta's.

Delta's PrepareDeltaScan calls the hook each time a query has fixed the snapshot of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from py4j.java_gateway import JavaObject
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import DataFrame, Row, SparkSession

from jobs.common.catalog import register_views
from jobs.common.ddl import CONSUMER_TABLES, create_table
from jobs.common.publication import publish_days, withdraw_days
from jobs.common.session import session_conf
from jobs.common.settings import Settings
from jobs.common.side_by_side import side_by_side
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import day, scores

pytestmark = pytest.mark.slow
PUBLISHED, SCORES = "ops/published_days", "scores/advertiser_scores"
DAYS, PAIRS = 12, 3
# Delta answers max(ds) from its log; without that, a scan of the table does.
METADATA = "spark.databricks.delta.optimizeMetadataQuery.enabled"
JOINED = """SELECT s.ds, s.predicted_gmv FROM scores.advertiser_scores AS s
JOIN (SELECT max(ds) AS ds FROM ops.published_days) AS p ON s.ds = p.ds"""
VIEW = "SELECT ds, predicted_gmv FROM consumer.advertiser_scores"
QUERIES = {
    "rows": VIEW,
    "a join of two views": f"{VIEW} AS s LEFT JOIN consumer.candidates AS c USING (ds, advertiser_id)",
    "a union": f"SELECT ds, predicted_gmv FROM consumer.candidates JOIN ({VIEW}) USING (ds) UNION ALL {VIEW}",
    "a view within another's subquery": f"WITH found AS ({VIEW}) SELECT * FROM found "
    "WHERE NOT EXISTS (SELECT 1 FROM consumer.candidates AS c WHERE c.ds = found.ds)",
}


class Function0:
    """A Python function as Scala's () => Any."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def apply(self) -> None:
        self.function()

    class Java:
        implements = ("scala.Function0",)


class Function1:
    """A Python function as Scala's Any => Any."""

    def __init__(self, function: Callable[[JavaObject], Any]) -> None:
        self.function = function

    def apply(self, argument: JavaObject) -> None:
        self.function(argument)

    class Java:
        implements = ("scala.Function1",)


class World:
    """Scores of some days; gmv tells which writing of a day a row is from."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse, self.settings, self.newest = warehouse, settings, day(DAYS - 1)
        for table in CONSUMER_TABLES:
            create_table(warehouse, table, settings)
        self.write(day(0), self.newest, 1.0)
        self.publish(day(0), self.newest)
        register_views(warehouse.spark, warehouse)

    def write(self, first: date, last: date, gmv: float) -> None:
        days = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
        rows = [
            {"advertiser_id": f"a{n}", "ds": ds, "predicted_gmv": gmv} for ds in days for n in range(PAIRS)
        ]
        frame = scores(self.warehouse.spark, self.settings, rows)
        self.warehouse.replace_days(frame, "scores.advertiser_scores", first, last)

    def publish(self, first: date, last: date) -> None:
        days = range(first.toordinal(), last.toordinal() + 1)
        publish_days(self.warehouse, [(date.fromordinal(n), "7", 1, 1, 1) for n in days], first, last)

    def add_day(self) -> None:
        """The day after the newest: its rows, then its name."""
        self.newest = date.fromordinal(self.newest.toordinal() + 1)
        self.write(self.newest, self.newest, 1.0)
        self.publish(self.newest, self.newest)

    def read(self, query: str, between: Callable[[], None]) -> tuple[list[Row], list[str]]:
        """Rows of a query, and the tables in the order of their snapshots; `between` runs after the first one."""
        spark, taken, rows = self.warehouse.spark, [], []

        def on_snapshot(scan: JavaObject) -> None:
            path = scan.snapshotToScan().deltaLog().dataPath().toString()
            if len(taken) == 0:
                taken.append(path)
                side_by_side(spark, between)  # not in the thread that is planning the query
                taken[1:] = []  # the snapshots that `between` took itself
            else:
                taken.append(path)

        ensure_callback_server_started(spark.sparkContext._gateway)
        scans = getattr(spark._jvm.org.apache.spark.sql.delta.stats, "PrepareDeltaScanBase$")
        collect = Function0(lambda: rows.extend(spark.sql(query).collect()))
        getattr(scans, "MODULE$").withCallbackOnGetDeltaScanGenerator(Function1(on_snapshot), collect)
        return rows, ["/".join(path.split("/")[-2:]) for path in taken]


@pytest.fixture(scope="module")
def world(spark: SparkSession, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(Warehouse(spark, str(tmp_path_factory.mktemp("order") / "warehouse")), settings)


@pytest.fixture(params=["true", "false"], ids=["max from the log", "max from a scan"])
def from_log(spark: SparkSession, request: pytest.FixtureRequest) -> Iterator[None]:
    with session_conf(spark, {METADATA: request.param}):
        yield


def seen(rows: list[Row]) -> set[tuple[date, float]]:
    """Days and writings in the rows; every one of them must be whole."""
    found = [(row["ds"], row["predicted_gmv"]) for row in rows]
    assert {found.count(one) for one in found} <= {PAIRS}
    return set(found)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_day_published_between_the_snapshots_is_not_seen_and_the_old_day_is_whole(
    world: World, query: str, from_log: None
) -> None:
    before = world.newest
    rows, taken = world.read(query, world.add_day)
    assert taken[0] == PUBLISHED and SCORES in taken[1:]
    assert seen(rows) == {(before, 1.0)}
    assert seen(world.warehouse.spark.sql(query).collect()) == {(world.newest, 1.0)}


def test_as_a_join_the_same_question_shows_nothing_at_all(world: World) -> None:
    with session_conf(world.warehouse.spark, {METADATA: "false"}):
        rows, taken = world.read(JOINED, world.add_day)
    assert taken == [SCORES, PUBLISHED]
    assert rows == []


def test_a_day_withdrawn_and_rewritten_between_the_snapshots_is_seen_whole(world: World) -> None:
    newest = world.newest

    def rewrite() -> None:
        withdraw_days(world.warehouse, newest, newest)
        world.write(newest, newest, 2.0)

    rows, _ = world.read(VIEW, rewrite)
    assert seen(rows) == {(newest, 2.0)}
    assert seen(world.warehouse.spark.sql(VIEW).collect()) == {
        (date.fromordinal(newest.toordinal() - 1), 1.0)
    }
    world.publish(newest, newest)
    assert seen(world.warehouse.spark.sql(VIEW).collect()) == {(newest, 2.0)}


def test_of_many_days_one_file_is_read(world: World, from_log: None) -> None:
    spark = world.warehouse.spark
    assert files_read(spark.sql(VIEW)) == 1
    assert files_read(spark.sql(f"{VIEW} WHERE predicted_gmv > 0")) == 1
    with session_conf(spark, {METADATA: "true"}):
        assert files_read(spark.sql(JOINED)) >= DAYS


def files_read(frame: DataFrame) -> int:
    """Files that the scans of a query opened."""
    frame.collect()
    return _files(frame._jdf.queryExecution().executedPlan())


def _files(node: JavaObject) -> int:
    kind = node.getClass().getSimpleName()
    if kind == "AdaptiveSparkPlanExec":
        return _files(node.executedPlan())
    if kind.endswith("QueryStageExec"):
        return _files(node.plan())
    if kind == "FileSourceScanExec":
        return int(node.metrics().apply("numFiles").value())
    children = node.children()
    return sum(_files(children.apply(n)) for n in range(children.size()))
