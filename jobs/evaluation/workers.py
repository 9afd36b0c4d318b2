"""Units fitted in worker processes, several at once; a line on stderr for each that is done."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

import torch

from jobs.evaluation.fit_unit import fit_unit
from jobs.evaluation.unit import Unit

FitFunction = Callable[[Unit, Path], float]


@dataclass(frozen=True)
class Work:
    """A unit with the words that tell it apart."""

    unit: Unit
    words: str


class Workers:
    """Fits units and tells of each. Nothing of Spark runs in a worker."""

    def __init__(
        self, folder: Path, processes: int, tell: Callable[[str], None], fit: FitFunction = fit_unit
    ) -> None:
        """folder: where units leave their results. tell: what to do with a line of progress. fit: of one unit."""
        self.folder, self.processes, self._tell, self._fit_one = folder, processes, tell, fit
        self._started, self._done, self._all = time.monotonic(), 0, 0
        self._failed: list[str] = []

    def fit(self, work: Sequence[Work]) -> None:
        """Fit them all. One that fails does not stop the others. Raises RuntimeError naming those that failed."""
        self._all, waiting, unclear = len(work), deque(work), list[Work]()
        while waiting:
            unclear += self._fit_until_death(waiting, self.processes)
        for (
            one
        ) in unclear:  # a process died: it cannot be told for which unit, so each gets a process of its own
            if self._fit_until_death(deque([one]), 1):
                self._fail(one, "its process died")
        if self._failed:
            raise RuntimeError(f"{len(self._failed)} of {self._all} units failed: {'; '.join(self._failed)}")

    def _fit_until_death(self, waiting: deque[Work], processes: int) -> list[Work]:
        """Fit from the front of `waiting` until it is empty, or a process dies: then those that were under way."""
        flying: dict[Future[tuple[float, float]], Work] = {}
        context = get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=start_worker) as pool:
            while waiting or flying:
                # No more than are at work: a process that dies then leaves few units in doubt.
                while waiting and len(flying) < processes:
                    one = waiting.popleft()
                    try:
                        flying[pool.submit(_timed, self._fit_one, one.unit, self.folder)] = one
                    except BrokenProcessPool:
                        return [*flying.values(), one]
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    if not self._take(future, flying[future]):
                        return list(flying.values())
                    del flying[future]
        return []

    def _take(self, future: Future[tuple[float, float]], one: Work) -> bool:
        """False when its process died."""
        try:
            nmae, seconds = future.result()
        except BrokenProcessPool:
            return False
        except Exception as error:  # whatever a model raises, the others go on
            traceback.print_exception(error)
            self._fail(one, " ".join(str(error).split()) or type(error).__name__)
            return True
        self._done += 1
        left = (time.monotonic() - self._started) / self._done * (self._all - self._done)
        found = f"validation NMAE {nmae:.4f}, {seconds:.0f} s"
        self._tell(f"{self._place()}: {one.words}: {found}; about {left:.0f} s left")
        return True

    def _fail(self, one: Work, why: str) -> None:
        self._done += 1
        self._failed.append(f"{one.words}: {why}")
        self._tell(f"{self._place()}: {self._failed[-1]}")

    def _place(self) -> str:
        return f"unit {self._done} of {self._all}"


def start_worker() -> None:
    """Once in every worker: one thread, and no life without the job that started it."""
    torch.set_num_threads(1)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    print("evaluate_models: a worker ends, its job is gone", file=sys.stderr, flush=True)
    os._exit(1)


def _timed(fit: FitFunction, unit: Unit, folder: Path) -> tuple[float, float]:
    started = time.monotonic()
    return fit(unit, folder), time.monotonic() - started
