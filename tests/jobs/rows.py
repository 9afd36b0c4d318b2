"""Small rows of the tables between the later jobs: a test names what is unusual, the rest is a good day."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    FloatType,
    IntegerType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from jobs.common.check_results import SUITES, write_verdicts
from jobs.common.expectations import Verdict, at_least
from jobs.common.prediction_columns import prediction_columns
from jobs.common.settings import Settings
from jobs.common.small_frame import small_frame
from jobs.common.warehouse import Warehouse

DAY = date(2026, 4, 15)
T = 40
WINDOW_SUMS = 6 * 9
MODEL_SHA256 = "ab" * 32
KEY = [
    StructField("advertiser_id", StringType()),
    StructField("scenario_id", StringType()),
    StructField("ds", DateType()),
]
Values = Mapping[str, Any]


def day(offset: int) -> date:
    """DAY and the days around it."""
    return DAY + timedelta(days=offset)


def flat(value: float, length: int = T) -> list[float]:
    """The same value on every day."""
    return [float(value)] * length


def ending(*last: float, before: float = 0.0) -> list[float]:
    """A sequence of T days that ends with these values, today last."""
    return [float(before)] * (T - len(last)) + [float(x) for x in last]


def sequences(spark: SparkSession, settings: Settings, rows: Sequence[Values]) -> DataFrame:
    """features.sequences; a row not told otherwise spends 10 and logs in every day, profile complete."""
    arrays = settings.columns.sequences
    schema = StructType(
        [
            *KEY,
            *(StructField(name, ArrayType(FloatType())) for name in (*arrays, "advertiser_window_sums")),
            StructField("business_scale", IntegerType()),
            StructField("main_category", StringType()),
            StructField("star_level", IntegerType()),
            StructField("scenario_type", StringType()),
            StructField("launched_on", DateType()),
            StructField("eligible", BooleanType()),
        ]
    )
    usual: dict[str, Any] = {"advertiser_id": "a1", "scenario_id": "search", "ds": DAY, "eligible": True}
    usual |= {name: flat(1.0) for name in arrays} | {"expenditure": flat(10.0)}
    usual |= {
        "advertiser_window_sums": flat(1.0, WINDOW_SUMS),
        "scenario_type": "search",
        "launched_on": None,
    }
    usual |= {"business_scale": 2, "main_category": "food", "star_level": 3}
    return _frame(spark, schema, usual, rows)


def scores(spark: SparkSession, settings: Settings, rows: Sequence[Values]) -> DataFrame:
    """scores.advertiser_scores; a row not told otherwise is predicted to be active one day in ten."""
    predicted = [*prediction_columns(settings.task_names), "predicted_active_rate"]
    schema = StructType(
        [
            *KEY,
            *(StructField(name, DoubleType()) for name in predicted),
            StructField("eligible", BooleanType()),
            StructField("model_version", StringType()),
            StructField("model_sha256", StringType()),
            StructField("scored_at", TimestampType()),
        ]
    )
    usual: dict[str, Any] = {"advertiser_id": "a1", "scenario_id": "search", "ds": DAY, "eligible": True}
    usual |= dict.fromkeys(predicted, 0.7) | {"predicted_active_rate": 0.1, "scored_at": None}
    for end, value in (("_p10", 0.2), ("_p90", 1.5)):
        usual |= {name: value for name in predicted if name.endswith(end)}
    usual |= {"model_version": "7", "model_sha256": MODEL_SHA256}
    return _frame(spark, schema, usual, rows)


def candidates(spark: SparkSession, rows: Sequence[Values]) -> DataFrame:
    """engagement.candidates; a row not told otherwise is selected for treatment, worth 100 a week."""
    schema = StructType.fromDDL(
        "advertiser_id string, scenario_id string, ds date, eligible boolean, predicted_active_rate double, "
        "predicted_expenditure double, recent_active_days int, recent_value double, days_since_active int, "
        "selected boolean, reasons array<string>, rank int, arm string, "
        "model_version string, model_sha256 string"
    )
    usual: dict[str, Any] = {"advertiser_id": "a1", "scenario_id": "search", "ds": DAY, "eligible": True}
    usual |= {
        "predicted_active_rate": 0.1,
        "predicted_expenditure": 0.7,
        "recent_active_days": 2,
        "recent_value": 100.0,
    }
    usual |= {
        "days_since_active": 3,
        "selected": True,
        "reasons": ["predicted_active_rate=0.100<=0.350"],
        "rank": 1,
    }
    usual |= {"arm": "treatment", "model_version": "7", "model_sha256": MODEL_SHA256}
    return _frame(spark, schema, usual, rows)


def keys(spark: SparkSession, rows_per_day: Mapping[date, int]) -> DataFrame:
    """So many rows of a daily table per day, keys only."""
    rows = [(f"a{n}", "search", ds) for ds, count in rows_per_day.items() for n in range(count)]
    return small_frame(spark, rows, StructType(KEY))


def write(warehouse: Warehouse, table: str, rows: DataFrame, first: date = DAY, last: date = DAY) -> None:
    """Replace the days [first, last] of a table by these rows."""
    warehouse.replace_days(rows, table, first, last)


def pass_checks(warehouse: Warehouse, *days: date) -> None:
    """Leave a passed result of both suites for the days."""
    for suite in SUITES:
        verdicts = [Verdict(suite, ds, at_least("rows", 1, "every day has rows"), 1.0, True) for ds in days]
        write_verdicts(warehouse, f"check_{suite}", verdicts)


def content(frame: DataFrame) -> list[Row]:
    """All rows in a fixed order, for comparing two states of a table."""
    return sorted(frame.collect(), key=str)


def copied(warehouse: Warehouse, folder: Path) -> Warehouse:
    """A copy of a warehouse below a folder."""
    shutil.copytree(warehouse.root, folder / "warehouse")
    return Warehouse(warehouse.spark, str(folder / "warehouse"))


def arguments(warehouse: Warehouse, first: date = DAY, last: date | None = None) -> list[str]:
    """What every job takes on its command line."""
    return ["--warehouse", warehouse.root, "--start-ds", str(first), "--end-ds", str(last or first)]


def _frame(spark: SparkSession, schema: DataType, usual: Values, rows: Sequence[Values]) -> DataFrame:
    if not isinstance(schema, StructType):
        raise TypeError(f"{schema} is no table's schema")
    unknown = {name for row in rows for name in row} - set(schema.fieldNames())
    if unknown:
        raise ValueError(f"rows name {sorted(unknown)}; the columns are {schema.fieldNames()}")
    full = [tuple({**usual, **row}[name] for name in schema.fieldNames()) for row in rows]
    return small_frame(spark, full, schema)
