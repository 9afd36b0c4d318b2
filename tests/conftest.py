"""Fixtures every test may use: one Spark session for the whole run, settings, an empty warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.common.session import start_session
from jobs.common.settings import Settings, load_settings
from jobs.common.warehouse import Warehouse


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The project's own settings."""
    return load_settings()


@pytest.fixture(scope="session")
def spark(settings: Settings) -> Iterator[SparkSession]:
    """One local session for all tests; jobs called in process find and keep it."""
    session, _ = start_session("tests", settings)
    yield session
    session.stop()


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    """An empty warehouse below the test's own folder."""
    return Warehouse(spark, str(tmp_path / "warehouse"))
