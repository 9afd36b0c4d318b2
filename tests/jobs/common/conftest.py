"""What the tests of the jobs' common parts share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from jobs.common.session import session_conf

SPILL_EARLY = {
    "spark.sql.windowExec.buffer.in.memory.threshold": "10",
    "spark.sql.windowExec.buffer.spill.threshold": "100",
}


@pytest.fixture
def spill_early(spark: SparkSession) -> Iterator[None]:
    """A window writes its rows to disk, a hundred at a time."""
    with session_conf(spark, SPILL_EARLY):
        yield
