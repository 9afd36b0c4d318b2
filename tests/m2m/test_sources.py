from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2m import MemorySource, Samples
from m2m.sources import as_source, count_rows, share_pieces
from tests.m2m.world import make_samples


def test_pieces_are_the_rows_in_order() -> None:
    samples = make_samples(25)
    source = MemorySource(samples, rows_per_piece=10)
    assert source.piece_rows == [10, 10, 5] and count_rows(source) == 25
    again = Samples.concat([source.read(piece) for piece in range(3)])
    np.testing.assert_array_equal(again.sequences, samples.sequences)
    np.testing.assert_array_equal(source.keys(2)["ds"], samples.keys["ds"][20:])
    assert as_source(source) is source
    assert count_rows(as_source(samples)) == 25


def test_the_fingerprint_follows_every_value() -> None:
    samples = make_samples(20)
    first = MemorySource(samples).fingerprint
    assert MemorySource(make_samples(20)).fingerprint == first
    assert samples.labels is not None
    labels = samples.labels.copy()
    labels[3, 1] += 1
    knowledge = {**samples.knowledge, "scenario_id": samples.knowledge["scenario_id"][::-1]}
    for other in (replace(samples, labels=labels), replace(samples, knowledge=knowledge)):
        assert MemorySource(other).fingerprint != first


class Files(MemorySource):
    """Pieces of given sizes in given files."""

    def __init__(self, rows: list[int], files: list[str]) -> None:
        super().__init__(make_samples(1))
        self._rows_of, self._files_of = rows, files

    @property
    def piece_rows(self) -> list[int]:
        return self._rows_of

    @property
    def piece_files(self) -> list[str]:
        return self._files_of


@given(st.lists(st.tuples(st.integers(1, 99), st.sampled_from("abcdef")), min_size=1), st.integers(1, 4))
def test_processes_share_all_pieces_and_whole_files(parts: list[tuple[int, str]], size: int) -> None:
    source = Files([rows for rows, _ in parts], [name for _, name in parts])
    shares = [share_pieces(source, rank, size) for rank in range(size)]
    assert sorted(piece for share in shares for piece in share) == list(range(len(parts)))
    names = [{parts[piece][1] for piece in share} for share in shares]
    if len({name for _, name in parts}) >= size:
        assert sum(map(len, names)) == len(set.union(*names))


def test_rows_are_balanced() -> None:
    source = Files([50, 10, 20, 30, 10], list("abcde"))
    loads = [sum(source.piece_rows[piece] for piece in share_pieces(source, rank, 2)) for rank in (0, 1)]
    assert loads == [60, 60]


def test_pieces_need_at_least_one_row() -> None:
    with pytest.raises(ValueError, match="rows_per_piece is 0"):
        MemorySource(make_samples(3), rows_per_piece=0)
