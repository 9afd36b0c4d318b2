"""Batches for training, made of small chunks of rows that share a knowledge row.

Letters: N rows, B rows of a batch, C knowledge columns.

Fully shuffled rows would need new weights for nearly every row; whole groups would make batches that hold one
group only. Chunks of a few rows are in between: groups stay mixed, and generating weights costs an n-th.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from m2m.groups import Groups, Ints


@dataclass(frozen=True)
class Batch:
    """bins [B, T, F]; dense [B, D]; labels [B, m], scaled; groups; origin [B, 2]: piece and place in it of each row."""

    bins: Tensor
    dense: Tensor
    labels: Tensor
    groups: Groups
    origin: Ints

    def __len__(self) -> int:
        return len(self.origin)

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        if device.type == "cpu":
            return self
        bins, dense, labels = (part.to(device) for part in (self.bins, self.dense, self.labels))
        return Batch(bins, dense, labels, self.groups.to(device), self.origin)


def plan_chunks(code: Ints, chunk_rows: int, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows [N] in shuffled chunk order and the chunk [N] of each: rows are shuffled within their group,
    groups are cut into chunks of at most `chunk_rows`, and the chunks are shuffled."""
    order = np.lexsort((generator.random(len(code)), code))
    if not len(code):
        return order, order
    sizes = np.unique(code, return_counts=True)[1]
    within = np.arange(len(code)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chunk = np.cumsum(within % chunk_rows == 0) - 1
    place = generator.permutation(int(chunk[-1]) + 1)[chunk]
    again = np.argsort(place, kind="stable")
    return order[again], place[again]


def batch_bounds(chunk: Ints, batch_size: int) -> list[tuple[int, int]]:
    """Starts and ends of batches of about `batch_size` rows that do not cut a chunk."""
    if not len(chunk):
        return []
    starts = np.flatnonzero(np.diff(chunk, prepend=-1) != 0)
    wanted = np.arange(0, len(chunk), batch_size)
    cuts = np.unique(starts[np.searchsorted(starts, wanted, side="right") - 1])
    return list(zip(cuts.tolist(), [*cuts[1:].tolist(), len(chunk)], strict=True))
