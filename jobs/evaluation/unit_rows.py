"""The rows of a unit, opened in a worker process: read once and kept there while units that share them are fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from jobs.common.sample_source import DeltaSamples
from jobs.evaluation.study_rows import StudyRows, in_order
from jobs.evaluation.unit import Unit
from m2m import MemorySource, Samples, SampleSource
from m2m.samples import Array
from m2m.sources import count_rows

_KEPT_PARTS = 6  # three parts of a study, with their own history and with a longer one


@dataclass(frozen=True)
class Opened:
    """The three parts as sources."""

    train: SampleSource
    valid: SampleSource
    test: SampleSource


class KeptSource:
    """A source whose pieces are read once. Its fingerprint is that of the source, so checkpoints fit both."""

    def __init__(self, source: SampleSource) -> None:
        self.piece_rows, self.piece_files = list(source.piece_rows), list(source.piece_files)
        self.fingerprint = source.fingerprint
        self._pieces = [source.read(piece) for piece in range(len(self.piece_rows))]
        self._keys = source.keys

    def read(self, piece: int) -> Samples:
        """The rows of one piece."""
        return self._pieces[piece]

    def keys(self, piece: int) -> Mapping[str, Array]:
        """Key columns of one piece, from the source."""
        return self._keys(piece)


def open_rows(unit: Unit, memory_mb: int) -> Opened:
    """The unit's parts; one that takes more than `memory_mb` is read again whenever it is asked for."""
    parts, study = unit.parts, unit.study
    if study is None:
        return Opened(*(_open_whole(part, memory_mb) for part in (parts.train, parts.valid, parts.test)))
    return Opened(**{name: _open_study(study, name, getattr(parts, name)) for name in vars(parts)})


def _open_whole(part: DeltaSamples, memory_mb: int) -> SampleSource:
    spec = part.spec
    numbers = len(spec.sequence_columns) * (spec.history_days + len(spec.windows_days))
    if count_rows(part) * 4 * numbers > memory_mb * 2**20:
        return part
    kept: SampleSource = _kept(_Recipe(f"{part.fingerprint} {spec}", lambda: KeptSource(part)))
    return kept


def _open_study(study: StudyRows, name: str, part: DeltaSamples) -> MemorySource:
    known = f"{part.fingerprint} {part.spec} {study.shares}"
    rows: Samples = _kept(_Recipe(known, lambda: _thinned(study, name, part)))
    return MemorySource(study.seen(rows, name, part.spec))


def _thinned(study: StudyRows, name: str, part: DeltaSamples) -> Samples:
    found = []
    for piece in range(len(part.piece_rows)):
        samples, keys = part.read(piece), dict(part.keys(piece))
        samples.keys = keys
        found.append(samples.take(np.flatnonzero(study.keeps(name, keys))))
    return in_order(Samples.concat(found))


@dataclass(frozen=True)
class _Recipe:
    """How rows are read, known by a text."""

    known: str
    make: Callable[[], Any] = field(compare=False)


@lru_cache(maxsize=_KEPT_PARTS)
def _kept(recipe: _Recipe) -> Any:
    return recipe.make()
