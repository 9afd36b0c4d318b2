"""Columns of the tables that `evaluate_models` writes."""

from __future__ import annotations

from pyspark.sql.types import DataType, DateType, DoubleType, IntegerType, LongType, StringType, StructType

_TYPES: dict[str, DataType] = {
    "int": IntegerType(),
    "long": LongType(),
    "double": DoubleType(),
    "date": DateType(),
    "string": StringType(),
}


def _schema(columns: str) -> StructType:
    """`name type` pairs, as in DDL."""
    found = StructType()
    for pair in columns.split(","):
        name, kind = pair.split()
        found = found.add(name, _TYPES[kind])
    return found


PREDICTIONS = _schema(
    "model string, seed int, advertiser_id string, scenario_id string, ds date, task string, mean double, "
    "median double, label double"
)
METRICS = _schema(
    "model string, seed int, estimate string, task string, scenario_id string, nmae double, smape double, rows long"
)
RUNS = _schema(
    "model string, seed int, kind string, seconds double, parameters long, train_rows long, valid_rows long, "
    "test_rows long, epochs int, best_epoch int, valid_nmae double, details string, train_start_ds date, "
    "train_end_ds date, valid_start_ds date, valid_end_ds date, test_start_ds date, test_end_ds date, "
    "settings_version string, code_version string, fits int, interval_coverage double, active_ece double"
)
COMPARISONS = _schema(
    "rival string, seed int, estimate string, scenario_id string, difference double, low double, high double, draws int"
)
CALIBRATION = _schema(
    "model string, seed int, low double, high double, rows long, probability double, share double"
)
STUDIES = _schema(
    "study string, setting string, value double, model string, seed int, scenario_id string, estimate string, "
    "nmae double, smape double, train_rows long, seconds double"
)
