"""Consumer tables from their SQL files, new ones and ones that an older version made."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.common.ddl import create_table, render_ddl
from jobs.common.prediction_columns import prediction_columns
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from tests.jobs.rows import DAY, day, scores, write

pytestmark = pytest.mark.slow
TABLE = "scores.advertiser_scores"


def test_a_table_of_an_older_version_gets_the_columns_it_lacks(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    statement = render_ddl(TABLE, f"delta.`{warehouse.path(TABLE)}`", settings)
    new = [name for name in prediction_columns(settings.task_names) if f"  {name}_median " not in statement]
    older = [
        line for line in statement.splitlines() if not line.startswith(tuple(f"  {name} " for name in new))
    ]
    spark.sql("\n".join(older))
    row = scores(spark, settings, [{}])
    assert len(new) == 16
    write(warehouse, TABLE, row.drop(*new))

    create_table(warehouse, TABLE, settings)
    write(warehouse, TABLE, scores(spark, settings, [{"ds": day(1)}]), day(1), day(1))
    table = warehouse.read(TABLE)
    assert sorted(table.columns) == sorted(row.columns)
    comments = {field.name: field.metadata["comment"] for field in table.schema.fields}
    assert comments["predicted_gmv_p10"] == "Lower end of the 80 % interval of gmv of the next 7 days."
    old, fresh = table.orderBy("ds").collect()
    assert (old.ds, old.predicted_gmv, old.predicted_gmv_median, old.probability_active) == (
        DAY,
        0.7,
        None,
        None,
    )
    assert (fresh.predicted_gmv_p10, fresh.predicted_gmv_p90) == (0.2, 1.5)
    version = spark.sql(f"DESCRIBE HISTORY delta.`{warehouse.path(TABLE)}`").count()
    create_table(warehouse, TABLE, settings)
    assert spark.sql(f"DESCRIBE HISTORY delta.`{warehouse.path(TABLE)}`").count() == version
