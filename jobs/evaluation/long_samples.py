"""evaluation.long_samples: the rows of a study with more days of history than features.samples has."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.common.feature_build import FeatureBuild
from jobs.common.freshness import FeatureInputs
from jobs.common.sample_source import KEYS, DeltaSamples
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from jobs.evaluation.plan import days_of
from jobs.evaluation.study_rows import StudyRows
from jobs.evaluation.unit import Parts

LONG_SAMPLES = "evaluation.long_samples"


def build_long_samples(
    warehouse: Warehouse, settings: Settings, parts: Parts, rows: StudyRows, history_days: int
) -> Settings:
    """Replace the table by the study's rows with that history, built from facts; returns the settings of such rows.

    Days before the first fact are 0.
    """
    longer = settings.model_copy(update={"history_days": history_days})
    build = FeatureBuild(FeatureInputs.read(warehouse, longer), days_of(parts), with_labels=True)
    keys = warehouse.spark.createDataFrame(study_keys(parts, rows))
    found = _of_keys(build.rows(warehouse, longer), keys)
    warehouse.replace_where(found, LONG_SAMPLES, "true")
    return longer


def study_keys(parts: Parts, rows: StudyRows) -> pa.Table:
    """advertiser_id, scenario_id, ds (text) of the study's rows in all parts."""
    columns: dict[str, list[str]] = {name: [] for name in (*KEYS, "ds")}
    for name, part in vars(parts).items():
        for keys in _kept_keys(name, part, rows):
            for column, values in columns.items():
                values += keys[column]
    return pa.table(columns)


def _kept_keys(name: str, part: DeltaSamples, rows: StudyRows) -> Iterable[dict[str, list[str]]]:
    for piece in range(len(part.piece_rows)):
        keys = part.keys(piece)
        kept = rows.keeps(name, keys)
        yield {column: values[kept].tolist() for column, values in keys.items()}


def _of_keys(rows: DataFrame, keys: DataFrame) -> DataFrame:
    wanted = keys.withColumn("ds", F.col("ds").cast("date"))
    return rows.join(F.broadcast(wanted), [*KEYS, "ds"], "left_semi").sortWithinPartitions("ds", *KEYS)
