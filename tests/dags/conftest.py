"""Every DAG of the project, parsed once, with an Airflow home of the tests' own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Airflow reads these when it is first imported, and would otherwise make a folder in the user's home.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parents[2] / "dags"


@pytest.fixture(scope="session")
def dag_bag() -> DagBag:
    """The parsed dags/ folder."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=DAGS)
