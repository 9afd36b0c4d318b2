"""Great Expectations behind one function: promises about daily figures in, verdicts per day out.

A check job reduces its table to one row of figures per day. Each promise becomes one column-aggregate
expectation (smallest or largest figure of the days); Great Expectations answers all of them in one Spark
query.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DateType, DoubleType, StructField, StructType

from jobs.common.small_frame import small_frame

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext

DOCS_SITE = "data_docs"


@dataclass(frozen=True)
class Promise:
    """A daily figure stays on the right side of one bound; `meaning` tells people what that is for."""

    column: str
    meaning: str
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if (self.minimum is None) == (self.maximum is None):
            raise ValueError(f"promise about {self.column}: give either a minimum or a maximum")

    @property
    def expectation(self) -> str:
        """The Great Expectations name of the check."""
        side = "min" if self.minimum is not None else "max"
        return f"expect_column_{side}_to_be_between"

    @property
    def expected(self) -> str:
        """The bound in words."""
        return f">= {self.minimum:g}" if self.minimum is not None else f"<= {self.maximum:g}"

    def holds(self, observed: float) -> bool:
        """Whether one day's figure keeps the promise."""
        return observed >= self.minimum if self.minimum is not None else observed <= (self.maximum or 0.0)


def at_least(column: str, minimum: float, meaning: str) -> Promise:
    """The figure of every day is `minimum` or more."""
    return Promise(column, meaning, minimum=minimum)


def at_most(column: str, maximum: float, meaning: str) -> Promise:
    """The figure of every day is `maximum` or less."""
    return Promise(column, meaning, maximum=maximum)


@dataclass(frozen=True)
class Verdict:
    """What one promise came to on one day."""

    suite: str
    ds: date
    promise: Promise
    observed: float
    success: bool

    def __str__(self) -> str:
        promise = self.promise
        return (
            f"suite {self.suite}, {promise.expectation} of {promise.column} on {self.ds}: "
            f"{promise.meaning}; observed {self.observed:g}, expected {promise.expected}"
        )


def preload() -> None:
    """Start importing Great Expectations (about 4 s) beside Spark's first queries instead of after them."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    threading.Thread(target=importlib.import_module, args=("great_expectations",), daemon=True).start()


def validate(
    spark: SparkSession,
    suite: str,
    promises: Sequence[Promise],
    figures: Mapping[date, Mapping[str, float]],
    docs: str | None = None,
) -> list[Verdict]:
    """Check every promise on every day with one Great Expectations run.

    `figures` holds for each day a number for each promised column. Data Docs go to `docs`/data_docs/<suite>;
    when they cannot be written, that is told on stderr and changes nothing.
    """
    context, result = _run_suite(_figures_frame(spark, promises, figures), suite, promises)
    if docs is not None:
        _write_docs(context, Path(docs) / DOCS_SITE / suite)
    return _verdicts(suite, promises, figures, result)


def _figures_frame(
    spark: SparkSession, promises: Sequence[Promise], figures: Mapping[date, Mapping[str, float]]
) -> DataFrame:
    columns = list(dict.fromkeys(promise.column for promise in promises))
    schema = StructType(
        [StructField("ds", DateType()), *(StructField(name, DoubleType()) for name in columns)]
    )
    rows = [(day, *(float(figure[name]) for name in columns)) for day, figure in sorted(figures.items())]
    return small_frame(spark, rows, schema)


def _run_suite(
    frame: DataFrame, name: str, promises: Sequence[Promise]
) -> tuple[EphemeralDataContext, ExpectationSuiteValidationResult]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types import base

    # The default configuration leaves a folder of docs behind in /tmp with every run.
    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=base.ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    # Neither persist (nothing would unpersist) nor spark_config (some keys stop the session).
    source = context.data_sources.add_spark(name="spark", persist=False)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("days")
    suite = context.suites.add(gx.ExpectationSuite(name, expectations=[_expectation(p) for p in promises]))
    definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    definition = context.validation_definitions.add(definition)
    return context, definition.run(batch_parameters={"dataframe": frame}, result_format="BASIC")


def _expectation(promise: Promise) -> Any:
    from great_expectations.expectations.core.expect_column_max_to_be_between import (
        ExpectColumnMaxToBeBetween,
    )
    from great_expectations.expectations.core.expect_column_min_to_be_between import (
        ExpectColumnMinToBeBetween,
    )

    if promise.minimum is not None:
        return ExpectColumnMinToBeBetween(
            column=promise.column, min_value=promise.minimum, description=promise.meaning
        )
    return ExpectColumnMaxToBeBetween(
        column=promise.column, max_value=promise.maximum, description=promise.meaning
    )


def _verdicts(
    suite: str,
    promises: Sequence[Promise],
    figures: Mapping[date, Mapping[str, float]],
    result: ExpectationSuiteValidationResult,
) -> list[Verdict]:
    """A kept promise was kept on every day; of a broken one the days beyond the bound are named."""
    checked = [(r.expectation_config, r.success) for r in result.results]
    kept = {(config.type, config.kwargs["column"]): success for config, success in checked if config}
    verdicts = []
    for promise in promises:
        held = kept[(promise.expectation, promise.column)]
        for day, figure in sorted(figures.items()):
            observed = float(figure[promise.column])
            verdicts.append(Verdict(suite, day, promise, observed, bool(held) or promise.holds(observed)))
    if not result.success and all(verdict.success for verdict in verdicts):
        raise ValueError(f"suite {suite} failed, but no day is beyond a bound: {result.describe()}")
    return verdicts


def _write_docs(context: EphemeralDataContext, folder: Path) -> None:
    try:
        backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        context.add_data_docs_site(
            DOCS_SITE, {"class_name": "SiteBuilder", "site_index_builder": index, "store_backend": backend}
        )
        context.build_data_docs(site_names=[DOCS_SITE])
    except Exception as error:  # pages for people must never decide about data
        print(f"Data Docs could not be written to {folder}: {error}", file=sys.stderr)
