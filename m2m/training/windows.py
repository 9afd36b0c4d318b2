"""Windows: how rows that do not fit in memory are shuffled.

Letters: N rows of a window, T days, F sequence columns, D dense features, C knowledge columns, m tasks.

An epoch visits all pieces of the source in a new random order and cuts that order into windows of about
`window_rows` rows, so a window mixes pieces from all over the table (days, advertisers). Its rows are shuffled
completely: chunks that share a knowledge row, chunks in random order. Two rows meet in a batch only when their pieces
meet in a window; pieces are small against windows, and their company changes every epoch.

A window follows from seed, epoch and place alone. So any number of loader processes gives the same batches, and
training can go on from the middle of an epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from m2m.config import TrainingConfig
from m2m.encoder import Encoded, Encoder
from m2m.groups import Groups, Ints
from m2m.sources import SampleSource
from m2m.training.batches import Batch, batch_bounds, plan_chunks
from m2m.vocabulary import UNKNOWN

Floats = npt.NDArray[np.float32]
# Random streams are named by lists of numbers, in which trailing zeros do not count: the first one tells them apart.
_ORDER_OF_PIECES, _ORDER_OF_ROWS = 1, 2


@dataclass(frozen=True)
class WindowPlan:
    """Which pieces make up window `index` of `epoch`; `rank`: of which training process."""

    epoch: int
    index: int
    pieces: tuple[int, ...]
    rank: int = 0


def plan_epoch(
    piece_rows: Sequence[int], pieces: Sequence[int], epoch: int, training: TrainingConfig, rank: int = 0
) -> list[WindowPlan]:
    """The windows of one epoch over `pieces`, of nearly equal size."""
    generator = np.random.default_rng([_ORDER_OF_PIECES, training.seed, epoch, rank])
    order = generator.permutation(np.asarray(pieces, dtype=np.int64))
    rows = np.asarray(piece_rows, dtype=np.int64)[order]
    total = int(rows.sum())
    windows = -(-total // training.window_rows)
    # A piece belongs to the window in which its middle row lies.
    place = np.minimum((np.cumsum(rows) - rows / 2) * windows // total, windows - 1)
    parts = [order[place == window].tolist() for window in range(windows)]
    filled = [tuple(part) for part in parts if part]
    return [WindowPlan(epoch, index, part, rank) for index, part in enumerate(filled)]


def count_batches(piece_rows: Sequence[int], plans: Sequence[WindowPlan], batch_size: int) -> int:
    """About how many batches the windows of an epoch give, for schedules and progress."""
    rows = [sum(piece_rows[piece] for piece in plan.pieces) for plan in plans]
    return sum(-(-count // batch_size) for count in rows)


@dataclass(frozen=True)
class Window:
    """Encoded rows in the order of the batches.

    bins: uint8 [N, T, F]. dense: float32 [N, D]. labels: float32 [N, m], scaled. knowledge: ids int64 [N, C], some
    replaced by "unknown"; code: int64 [N], one per knowledge row. chunk: int64 [N]. origin: int64 [N, 2], piece and
    place in it. bounds: first and last + 1 row of each batch.
    """

    bins: npt.NDArray[np.uint8]
    dense: Floats
    labels: Floats
    knowledge: Ints
    code: Ints
    chunk: Ints
    origin: Ints
    bounds: list[tuple[int, int]]

    def batch(self, index: int) -> Batch:
        """Batch `index` of `bounds`; its tensors share the window's memory."""
        part = slice(*self.bounds[index])
        return Batch(
            torch.from_numpy(self.bins[part]),
            torch.from_numpy(self.dense[part]),
            torch.from_numpy(self.labels[part]),
            Groups.build(self.code[part], self.knowledge[part], self.chunk[part]),
            self.origin[part],
        )


class WindowReader:
    """Reads, encodes and shuffles a window. It can be pickled, so loader processes can do it."""

    def __init__(
        self,
        source: SampleSource,
        encoder: Encoder,
        scales: npt.NDArray[np.float64],
        training: TrainingConfig,
        batch_size: int,
        keep: bool = False,
    ) -> None:
        """scales: what each task's labels are divided by [m]. keep: hold encoded pieces in memory."""
        self.source, self.encoder, self.scales = source, encoder, scales
        self.training, self.batch_size, self.keep = training, batch_size, keep
        self._kept: dict[int, tuple[Encoded, Floats]] = {}

    def __getitem__(self, plan: WindowPlan) -> Window:
        """The window of `plan` (a loader asks its data set for items)."""
        training = self.training
        parts = [_ORDER_OF_ROWS, training.seed, plan.epoch, plan.rank, plan.index]
        generator = np.random.default_rng(parts)
        encoded, labels = zip(*(self._piece(piece) for piece in plan.pieces), strict=True)
        code = np.concatenate([part.code for part in encoded])
        rows, chunk = plan_chunks(code, training.chunk_rows, generator)
        knowledge = np.concatenate([part.knowledge for part in encoded])[rows]
        chunks = int(chunk.max(initial=-1)) + 1
        hidden = generator.random((chunks, knowledge.shape[1])) < training.unknown_share
        knowledge[hidden[chunk]] = UNKNOWN
        return Window(
            np.concatenate([part.bins for part in encoded])[rows],
            np.concatenate([part.dense for part in encoded])[rows],
            np.concatenate(labels)[rows],
            knowledge,
            self.encoder.vocabulary.code(knowledge),
            chunk,
            _origin(plan.pieces, [len(part) for part in encoded])[rows],
            batch_bounds(chunk, self.batch_size),
        )

    def _piece(self, piece: int) -> tuple[Encoded, Floats]:
        if piece in self._kept:
            return self._kept[piece]
        samples = self.source.read(piece)
        labels = samples.checked_labels(self.encoder.spec) / self.scales
        found = self.encoder.encode(samples), labels.astype(np.float32)
        if self.keep:
            self._kept[piece] = found
        return found


def _origin(pieces: Sequence[int], sizes: Sequence[int]) -> Ints:
    places = [np.column_stack([np.full(n, p), np.arange(n)]) for p, n in zip(pieces, sizes, strict=True)]
    return np.concatenate(places).astype(np.int64)
