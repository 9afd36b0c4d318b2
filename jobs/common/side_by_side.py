"""Spark actions that do not depend on each other, at the same time: the driver's planning of each is one thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pyspark.sql import SparkSession
from pyspark.util import inheritable_thread_target


def side_by_side(spark: SparkSession, *actions: Callable[[], Any]) -> list[Any]:
    """Run every action in a thread of its own and wait for all; their results in order.

    Raises what the first failed action, in order, raised; no action is left running then.
    """
    # One wrapper each: the local properties that a wrapper copies must not be shared between threads.
    targets = [inheritable_thread_target(spark)(action) for action in actions]
    with ThreadPoolExecutor(len(actions)) as pool:
        futures = [pool.submit(target) for target in targets]
    return [future.result() for future in futures]
