"""What a task of Spark raised in Python, told on the driver as if it had been raised there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.errors import PythonException

from jobs.common.job import DataCheckError

_REFUSAL = f"{DataCheckError.__module__}.{DataCheckError.__qualname__}: "


@contextmanager
def refusals_of_workers() -> Iterator[None]:
    """A DataCheckError of a task is raised as one here (exit status 3); of another error its last line is kept, which
    says why, without the worker's own stack."""
    try:
        yield
    except PythonException as error:
        reason = last_line(str(error))
        if reason.startswith(_REFUSAL):
            raise DataCheckError(reason.removeprefix(_REFUSAL)) from error
        raise RuntimeError(f"a Python worker failed: {reason}") from error


def last_line(text: str) -> str:
    """The last line of a Python stack within a message of Spark: the error and its own words."""
    lines = [line for line in text.split("\n\tat ")[0].splitlines() if line.strip()]
    told = [line for line in lines if not line.strip().startswith(("SQLSTATE", "JVM stacktrace"))]
    return told[-1] if told else text
