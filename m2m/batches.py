"""Batches for training, made of small chunks of rows that share a knowledge row.

Letters: N rows, B rows of a batch, C knowledge columns.

Fully shuffled rows would need new weights for nearly every row; whole groups would make batches that hold one
group only. Chunks of a few rows are in between: groups stay mixed, and generating weights costs an n-th.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from m2m.encoder import Encoded
from m2m.groups import Groups, Ints
from m2m.vocabulary import UNKNOWN, Vocabulary


@dataclass(frozen=True)
class Batch:
    """bins [B, T, F]; dense [B, D]; labels [B, m], scaled; groups; rows [B]: places in the training set."""

    bins: Tensor
    dense: Tensor
    labels: Tensor
    groups: Groups
    rows: Ints


def plan_chunks(code: Ints, chunk_rows: int, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows [N] in shuffled chunk order and the chunk [N] of each: rows are shuffled within their group,
    groups are cut into chunks of at most `chunk_rows`, and the chunks are shuffled."""
    order = np.lexsort((generator.random(len(code)), code))
    sizes = np.unique(code, return_counts=True)[1]
    within = np.arange(len(code)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chunk = np.cumsum(within % chunk_rows == 0) - 1
    place = generator.permutation(int(chunk[-1]) + 1)[chunk]
    again = np.argsort(place, kind="stable")
    return order[again], place[again]


def iterate_batches(
    encoded: Encoded,
    labels: Tensor,
    vocabulary: Vocabulary,
    generator: np.random.Generator,
    batch_size: int,
    chunk_rows: int,
    unknown_share: float,
) -> Iterator[Batch]:
    """One epoch. labels: scaled, [N, m]. Knowledge values become "unknown" by chunk with `unknown_share`."""
    rows, chunk = plan_chunks(encoded.code, chunk_rows, generator)
    ids = encoded.knowledge[rows]
    hidden = generator.random((int(chunk.max()) + 1, ids.shape[1])) < unknown_share
    ids[hidden[chunk]] = UNKNOWN
    code = vocabulary.code(ids)
    for start, stop in batch_bounds(chunk, batch_size):
        part = rows[start:stop]
        groups = Groups.build(code[start:stop], ids[start:stop], chunk[start:stop])
        yield Batch(
            torch.from_numpy(encoded.bins[part]),
            torch.from_numpy(encoded.dense[part]),
            labels[part],
            groups,
            part,
        )


def batch_bounds(chunk: Ints, batch_size: int) -> list[tuple[int, int]]:
    """Starts and ends of batches of about `batch_size` rows that do not cut a chunk."""
    starts = np.flatnonzero(np.diff(chunk, prepend=-1) != 0)
    wanted = np.arange(0, len(chunk), batch_size)
    cuts = np.unique(starts[np.searchsorted(starts, wanted, side="right") - 1])
    return list(zip(cuts.tolist(), [*cuts[1:].tolist(), len(chunk)], strict=True))


def count_batches(code: Ints, batch_size: int) -> int:
    """An upper estimate of the batches of one epoch, for schedules and progress."""
    return -(-len(code) // batch_size)
