from __future__ import annotations

import subprocess
import sys

import m2m


def test_imports_neither_spark_nor_pandas() -> None:
    code = "import sys, m2m; print(sorted({'pyspark', 'pandas', 'pyarrow', 'airflow'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_everything_named_is_there() -> None:
    assert all(hasattr(m2m, name) for name in m2m.__all__)
