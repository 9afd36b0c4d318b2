"""Windows one after another, read ahead by loader processes.

Windows travel between processes as numpy arrays through a pipe, not through shared memory, of which containers often
have only 64 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from m2m.training.windows import Window, WindowPlan, WindowReader


class _Windows(Dataset[Window]):
    def __init__(self, reader: WindowReader) -> None:
        self.reader = reader

    def __getitem__(self, plan: WindowPlan) -> Window:
        return self.reader[plan]


def stream_windows(reader: WindowReader, plans: Sequence[WindowPlan], processes: int = 0) -> Iterator[Window]:
    """The windows of `plans` in their order. processes: how many read ahead, one window each; 0 reads here.

    Fresh processes, not forks: a fork copies the locks of Java's, Arrow's and torch's threads as they happen to be.
    """
    if not processes:
        yield from (reader[plan] for plan in plans)
        return
    yield from DataLoader(
        _Windows(reader),
        batch_size=None,
        sampler=plans,
        num_workers=processes,
        prefetch_factor=1,
        collate_fn=_as_it_is,
        multiprocessing_context="spawn",
        generator=torch.Generator(),  # not the global one: whoever calls keeps their random numbers
    )


def _as_it_is(window: Any) -> Any:
    return window
