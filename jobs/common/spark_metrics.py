"""What a run cost Spark, from the driver's own status store, which is kept with and without Spark's web pages."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession

from jobs.common.session import VECTORED_READS

WAIT_MS = 5000
# Spark forgets a tenth of the stages it keeps at a time, the oldest first.
KEPT_SHARE = 0.9


@dataclass(frozen=True)
class RunMetrics:
    """Sums over the tasks of a run; None where the figure could not be had.

    bytes_read: of files and of cached blocks; not known while Parquet's vectored reads are on, which Spark does not
    count (spark.hadoop.parquet.hadoop.vectored.io.enabled; off for a local Spark). bytes_written: of files, by Spark's
    tasks. shuffle_bytes: written for shuffles. spilled_bytes: written to disk because memory did not hold them.
    skew: slowest task / median task of the stage that took most task time, 1.0 for one task. What Python reads or
    writes past Spark is in none of them.
    """

    bytes_read: int | None = None
    bytes_written: int | None = None
    shuffle_bytes: int | None = None
    spilled_bytes: int | None = None
    skew: float | None = None
    slowest_task_seconds: float | None = None


class RunStages:
    """The stages started since this object was made, by whichever thread of the driver."""

    def __init__(self, spark: SparkSession) -> None:
        self._context = spark.sparkContext
        try:
            self.first: int | None = self._next_stage()
        except Exception as error:  # figures are no reason for a job to fail
            _tell(error)
            self.first = None

    def metrics(self) -> RunMetrics:
        """Figures of all stages so far; waits until Spark has heard of every task that has ended. Raises nothing."""
        if self.first is None:
            return RunMetrics()
        try:
            return self._read(self.first, self._next_stage())
        except Exception as error:  # figures are no reason for a job to fail
            _tell(error)
            return RunMetrics()

    def _next_stage(self) -> int:
        return int(self._context._jsc.sc().dagScheduler().nextStageId())

    def _counts_reads(self) -> bool:
        return not self._context._jsc.hadoopConfiguration().getBoolean(VECTORED_READS, True)

    def _read(self, first: int, beyond: int) -> RunMetrics:
        kept = KEPT_SHARE * int(self._context.getConf().get("spark.ui.retainedStages", "1000"))
        if beyond - first > kept:
            raise ValueError(f"{beyond - first} stages, of which Spark keeps {kept:.0f}")
        self._context._jsc.sc().listenerBus().waitUntilEmpty(WAIT_MS)
        found = [stage for number in range(first, beyond) for stage in attempts(self._context, number)]
        ran = [stage for stage in found if stage.numCompleteTasks() > 0]
        heaviest = max(ran, key=lambda stage: stage.executorRunTime(), default=None)
        return RunMetrics(
            sum(stage.inputBytes() for stage in ran) if self._counts_reads() else None,
            sum(stage.outputBytes() for stage in ran),
            sum(stage.shuffleWriteBytes() for stage in ran),
            # Spark's other figure, memory bytes spilled, is the same rows again before they were packed.
            sum(stage.diskBytesSpilled() for stage in ran),
            *(_skew(self._context, heaviest) if heaviest is not None else (None, None)),
        )


def attempts(context: Any, stage_id: int) -> list[Any]:
    """Spark's StageData of every attempt of a stage, none when it never ran or is forgotten."""
    gateway = context._gateway
    nothing, no_quantiles = gateway.jvm.java.util.ArrayList(), gateway.new_array(gateway.jvm.double, 0)
    store = context._jsc.sc().statusStore()
    found = store.stageData(stage_id, False, nothing, False, no_quantiles)
    return [found.apply(place) for place in range(found.size())]


def _skew(context: Any, stage: Any) -> tuple[float | None, float | None]:
    """Slowest / median run time of the tasks that succeeded, and the slowest in seconds."""
    tasks = stage.numCompleteTasks()
    # The two in the middle: Spark takes the task at place int(tasks * quantile).
    wanted = [((tasks - 1) // 2 + 0.5) / tasks, (tasks // 2 + 0.5) / tasks, 1.0]
    quantiles = context._gateway.new_array(context._gateway.jvm.double, len(wanted))
    for place, quantile in enumerate(wanted):
        quantiles[place] = quantile
    store = context._jsc.sc().statusStore()
    found = store.taskSummary(stage.stageId(), stage.attemptId(), quantiles)
    if not found.isDefined():
        return None, None
    low, high, slowest_ms = (found.get().executorRunTime().apply(place) for place in range(3))
    # Run times are whole milliseconds, 0 among them.
    return slowest_ms / max((low + high) / 2, 1.0) if slowest_ms else 1.0, slowest_ms / 1000


def _tell(error: Exception) -> None:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    print(f"bytes, spill and skew of this run are not known: {reason}", file=sys.stderr)
