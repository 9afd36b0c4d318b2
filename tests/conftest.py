"""Fixtures every test may use: one Spark session for the whole run, settings, an empty warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.common.session import start_session
from jobs.common.settings import Settings, load_settings
from jobs.common.warehouse import Warehouse
from tests.small_world import SmallWorld, build_small_world


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


@pytest.fixture(scope="session")
def small_world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    """Built once for all tests; a test that changes it runs the jobs again, which restores it."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("M2M_REPORT", str(folder / "report"))
        yield build_small_world(spark, folder)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For `pytest -n`: a file stays on one worker, and so do all tests of the small world. The longest go first."""
    for item in items:
        shares_world = "small_world" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("small_world" if shares_world else item.path.name))
    order = {"test_online_retail.py": 0}
    items.sort(
        key=lambda item: (
            order.get(item.path.name, 1),
            "small_world" not in getattr(item, "fixturenames", ()),
        )
    )
