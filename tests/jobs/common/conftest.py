"""What the tests of the jobs' common parts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

SPILL_EARLY = {
    "spark.sql.windowExec.buffer.in.memory.threshold": "10",
    "spark.sql.windowExec.buffer.spill.threshold": "100",
}


@pytest.fixture
def spill_early(spark: SparkSession) -> Iterator[None]:
    """A window writes its rows to disk, a hundred at a time."""
    before = {key: spark.conf.get(key, None) for key in SPILL_EARLY}
    for key, value in SPILL_EARLY.items():
        spark.conf.set(key, value)
    yield
    for key, old in before.items():
        if old is None:
            spark.conf.unset(key)
        else:
            spark.conf.set(key, old)
