"""Labelled rows that need not fit in memory: pieces that can be read in any order.

Letters: N rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from m2m.samples import Array, Samples


class SampleSource(Protocol):
    """Rows in pieces. A piece is read whole, so its size bounds the memory; the same piece always holds the same rows.

    Loader processes get a copy, so a source can be pickled and holds file names rather than rows or open files.
    """

    @property
    def piece_rows(self) -> Sequence[int]:
        """Rows of each piece, exact or nearly so."""
        ...

    @property
    def piece_files(self) -> Sequence[str]:
        """The file of each piece: several training processes part the rows by file."""
        ...

    @property
    def fingerprint(self) -> str:
        """A text that differs when the rows differ; a checkpoint goes on only with the rows it was made with."""
        ...

    def read(self, piece: int) -> Samples:
        """The rows of one piece, with labels."""
        ...

    def keys(self, piece: int) -> Mapping[str, Array]:
        """Key columns [N] of one piece, in the order of `read`; for error messages."""
        ...


class MemorySource:
    """Samples that are in memory already, cut into pieces."""

    def __init__(self, samples: Samples, rows_per_piece: int = 8192) -> None:
        """Raises ValueError when `rows_per_piece` is below 1."""
        if rows_per_piece < 1:
            raise ValueError(f"rows_per_piece is {rows_per_piece}, expected at least 1")
        self.samples = samples
        self._starts = range(0, len(samples), rows_per_piece)
        self._size = rows_per_piece

    @property
    def piece_rows(self) -> list[int]:
        """Rows of each piece."""
        return [min(self._size, len(self.samples) - start) for start in self._starts]

    @property
    def piece_files(self) -> list[str]:
        """Every piece counts as a file of its own."""
        return [str(piece) for piece in range(len(self._starts))]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all values."""
        samples, found = self.samples, hashlib.sha256(str(self._size).encode())
        for values in (samples.sequences, samples.advertiser_window_sums, samples.weekday, samples.labels):
            if values is not None:
                found.update(np.ascontiguousarray(values).data.cast("B"))
        for name, texts in sorted(samples.knowledge.items()):
            found.update(name.encode() + texts.tobytes())
        return found.hexdigest()

    def read(self, piece: int) -> Samples:
        """The rows of one piece."""
        return self.samples.take(self._rows(piece))

    def keys(self, piece: int) -> dict[str, Array]:
        """Key columns of one piece."""
        rows = self._rows(piece)
        return {name: values[rows] for name, values in self.samples.keys.items()}

    def _rows(self, piece: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        start = self._starts[piece]
        return np.arange(start, min(start + self._size, len(self.samples)))


def as_source(rows: Samples | SampleSource) -> SampleSource:
    """`Samples` wrapped as a source; a source as it is."""
    return MemorySource(rows) if isinstance(rows, Samples) else rows


def count_rows(source: SampleSource) -> int:
    """Rows of all pieces."""
    return sum(source.piece_rows)


def share_pieces(source: SampleSource, rank: int, size: int) -> list[int]:
    """The pieces of process `rank` of `size`: whole files, shared out so that rows are balanced.

    With fewer files than processes, pieces are shared out one by one. With fewer pieces still, some get none.
    """
    rows, files = source.piece_rows, source.piece_files
    owners = files if len(set(files)) >= size else [str(piece) for piece in range(len(rows))]
    of_file: dict[str, list[int]] = {}
    for piece, owner in enumerate(owners):
        of_file.setdefault(owner, []).append(piece)
    loads, shares = [0] * size, [list[int]() for _ in range(size)]
    # The largest file first, always to the process with the fewest rows so far.
    for pieces in sorted(of_file.values(), key=lambda found: (-sum(rows[p] for p in found), found[0])):
        least = loads.index(min(loads))
        loads[least] += sum(rows[piece] for piece in pieces)
        shares[least] += pieces
    return sorted(shares[rank])
