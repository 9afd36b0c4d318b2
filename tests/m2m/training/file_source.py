"""A source whose rows lie in files: one .npz for each piece."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from m2m import MemorySource, Samples
from m2m.samples import Array


class FileSource:
    """Holds names and sizes only, so it travels to loader processes."""

    def __init__(self, files: list[Path], piece_rows: list[int]) -> None:
        self.files, self._rows = files, piece_rows

    @classmethod
    def write(cls, samples: Samples, folder: Path, rows_per_piece: int) -> FileSource:
        """Cut `samples` as MemorySource does."""
        source, files = MemorySource(samples, rows_per_piece), []
        for piece in range(len(source.piece_rows)):
            part, file = source.read(piece), folder / f"{piece}.npz"
            labels = {} if part.labels is None else {"labels": part.labels}
            np.savez(
                file,
                sequences=part.sequences,
                sums=part.advertiser_window_sums,
                weekday=part.weekday,
                **labels,
                **{f"knowledge {name}": values for name, values in part.knowledge.items()},
            )
            files.append(file)
        return cls(files, source.piece_rows)

    @property
    def piece_rows(self) -> list[int]:
        return self._rows

    @property
    def piece_files(self) -> list[str]:
        return [str(file) for file in self.files]

    @property
    def fingerprint(self) -> str:
        return repr(self.piece_files)

    def read(self, piece: int) -> Samples:
        with np.load(self.files[piece]) as found:
            knowledge = {
                name.removeprefix("knowledge "): found[name]
                for name in found
                if name.startswith("knowledge ")
            }
            parts = (found["sequences"], found["sums"], found["weekday"])
            return Samples(*parts, knowledge, found["labels"])

    def keys(self, piece: int) -> Mapping[str, Array]:
        return {"row": np.arange(self._rows[piece])}
