"""Where a long run is: a line on stderr now and then, none for a short run and none after its end."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

from pyspark.sql import SparkSession

from jobs.common.spark_metrics import attempts

FIRST_SECONDS, LONGEST_SECONDS = 10.0, 60.0
DESCRIPTION = "spark.job.description"
MOST_STEPS = 3


class Progress:
    """Tells of a run while it is entered: `build_sequences: 70 s: write features.sequences ..., 34 of 80 tasks (42 %)`.

    The first line comes after FIRST_SECONDS, later ones further and further apart, up to LONGEST_SECONDS. Tasks are
    those of the stages at work now, by the step they belong to; other jobs of the same driver are told too.
    """

    def __init__(self, job: str, spark: SparkSession) -> None:
        self._job, self._context = job, spark.sparkContext
        self._steps: list[str] = []
        self._ended, self._writing = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"progress of {job}", daemon=True)
        self._started = time.monotonic()

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._writing:  # whoever holds it is in the middle of a line
            self._ended.set()
        self._thread.join(timeout=5)

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Spark jobs that this thread starts inside are described by `words`, here and on Spark's web pages."""
        before = None
        with suppress(Exception):  # a lost Spark is told by the work itself, not by its description
            before = self._context.getLocalProperty(DESCRIPTION)
            self._context.setJobDescription(words)
        self._steps.append(words)
        try:
            yield
        finally:
            self._steps.remove(words)
            with suppress(Exception):
                self._context.setLocalProperty(DESCRIPTION, before)  # type: ignore[arg-type]

    def _run(self) -> None:
        pause = FIRST_SECONDS
        while not self._ended.wait(pause):
            try:
                line = f"{self._job}: {time.monotonic() - self._started:.0f} s: {self._where()}"
            except Exception:  # Spark is going down, which the job itself reports
                return
            with self._writing:
                if not self._ended.is_set():
                    print(line, file=sys.stderr, flush=True)
            pause = min(LONGEST_SECONDS, max(pause, (time.monotonic() - self._started) / 2))

    def _where(self) -> str:
        tasks = self._tasks_of_steps()
        if not tasks:
            return f"{self._short(self._steps[-1]) if self._steps else 'at work'}, no Spark task is running"
        told = [
            f"{self._short(words)}, {done:,} of {all_:,} tasks ({100 * done // max(all_, 1)} %)"
            for words, (done, all_) in list(tasks.items())[:MOST_STEPS]
        ]
        return "; ".join(told) + (f"; {len(tasks) - MOST_STEPS} more" if len(tasks) > MOST_STEPS else "")

    def _short(self, words: str) -> str:
        """Without the job's name, which the line begins with, before its days; Delta puts words of its own around."""
        return re.sub(rf"\b{re.escape(self._job)} (?=\d{{4}}-)", "", words, count=1)

    def _tasks_of_steps(self) -> dict[str, tuple[int, int]]:
        """(tasks done, all tasks) of the active stages by the step that started them, the oldest first."""
        found: dict[str, tuple[int, int]] = {}
        tracker = self._context.statusTracker()
        for stage_id in sorted(tracker.getActiveStageIds()):
            stage = tracker.getStageInfo(stage_id)
            if stage is not None:
                words = _description(self._context, stage_id) or stage.name
                done, all_ = found.get(words, (0, 0))
                found[words] = done + stage.numCompletedTasks, all_ + stage.numTasks
        return found


def days_in_words(start: date, end: date, whole: tuple[date, date]) -> str:
    """`2026-02-10..2026-03-21 (days 41 to 80 of 400)`; the place in the whole range only where it is a part of it."""
    days = str(start) if start == end else f"{start}..{end}"
    first, last, length = ((day - whole[0]).days + 1 for day in (start, end, whole[1]))
    if (start, end) == whole or first < 1 or last > length:
        return days
    return f"{days} ({f'day {first}' if start == end else f'days {first} to {last}'} of {length})"


def _description(context: Any, stage_id: int) -> str | None:
    of_stage = attempts(context, stage_id)
    described = of_stage[-1].description() if of_stage else None
    return str(described.get()) if described is not None and described.isDefined() else None
