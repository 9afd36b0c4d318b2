"""m2m_score in Spark SQL: the job's scores, for anyone, whatever the rows' order and batches."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.errors import PythonException
from pyspark.sql import functions as F

from jobs.common.catalog import register_score_function
from jobs.common.ddl import SQL_FOLDER
from jobs.common.session import session_conf
from tests.jobs.scores import (
    LAST,
    by_key,
    direct_scores,
)
from tests.small_world import SmallWorld

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("partitions", "batch_rows"), [(1, 10_000), (7, 64), (3, 1)])
def test_the_sql_function_gives_the_scores_whatever_partitions_batches_and_order(
    small_world: SmallWorld, partitions: int, batch_rows: int
) -> None:
    warehouse, spark = small_world.warehouse, small_world.warehouse.spark
    register_score_function(spark, warehouse, small_world.settings, ("champion", "1"))
    few = warehouse.read_days("features.sequences", LAST, LAST).where(F.xxhash64("advertiser_id") % 5 == 0)
    few.repartition(partitions, F.rand(seed=5)).createOrReplaceTempView("few")
    query = """SELECT advertiser_id, scenario_id, ds, score.* FROM
               (SELECT *, m2m_score('champion', struct(*)) AS score FROM few)"""
    with session_conf(spark, {"spark.sql.execution.arrow.maxRecordsPerBatch": str(batch_rows)}):
        found = by_key(spark.sql(query))
    rows = few.collect()
    assert len(rows) == len(found) > 50
    stored = np.asarray([found[r.advertiser_id, r.scenario_id, r.ds] for r in rows])
    np.testing.assert_allclose(stored, direct_scores(small_world, rows), rtol=1e-5, atol=1e-9)
    written = by_key(warehouse.read_days("scores.advertiser_scores", LAST, LAST))
    of_the_job = [written[r.advertiser_id, r.scenario_id, r.ds] for r in rows]
    np.testing.assert_allclose(stored, of_the_job, rtol=1e-5, atol=1e-9)


def test_the_query_of_the_readme_scores_a_day_by_name(small_world: SmallWorld) -> None:
    spark = small_world.warehouse.spark
    found = register_score_function(spark, small_world.warehouse, small_world.settings)
    assert found == {"champion": "1"}
    readme = (SQL_FOLDER / "README.md").read_text(encoding="utf-8")
    query = readme.split('spark.sql("""')[1].split('"""')[0].replace("2026-04-30", str(LAST))
    rows = spark.sql(query).collect()
    scores = small_world.warehouse.read_days("scores.advertiser_scores", LAST, LAST).collect()
    of_the_job = {(r.advertiser_id, r.scenario_id): r for r in scores}
    assert len(rows) == len(of_the_job)
    for row in rows:
        written = of_the_job[row.advertiser_id, row.scenario_id]
        assert row.predicted_active_days == pytest.approx(written.predicted_active_days, rel=1e-5)
        assert row.probability_active == pytest.approx(written.probability_active, rel=1e-5)
    assert rows == sorted(rows, key=lambda row: row.predicted_active_days)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("m2m_score('7', struct(*))", r"version '7' is not registered here; known are 1, champion"),
        (
            "m2m_score('champion', struct(ds, clicks))",
            r"the struct given to m2m_score lacks \['login_count', ",
        ),
        ("m2m_score('champion', clicks)", r"takes a version and a struct"),
    ],
)
def test_the_sql_function_says_what_is_wrong_with_its_arguments(
    small_world: SmallWorld, call: str, told: str
) -> None:
    spark = small_world.warehouse.spark
    register_score_function(spark, small_world.warehouse, small_world.settings)
    with pytest.raises(PythonException, match=told):
        spark.sql(f"SELECT {call} FROM features.sequences").collect()


def test_a_version_that_does_not_exist_is_not_registered(small_world: SmallWorld) -> None:
    with pytest.raises(ValueError, match="model demo has no 99; run train_model first, or name a version"):
        register_score_function(
            small_world.warehouse.spark, small_world.warehouse, small_world.settings, ["99"]
        )
