from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m2m import MemorySource, TrainingConfig
from m2m.encoder import Encoder
from m2m.training.loader import stream_windows
from m2m.training.windows import Window, WindowPlan, WindowReader, count_batches, plan_epoch
from m2m.vocabulary import UNKNOWN
from tests.m2m.training.file_source import FileSource
from tests.m2m.world import SPEC, make_samples

SAMPLES = make_samples(500)
SMALL = TrainingConfig(seed=5, batch_size=32, chunk_rows=4, window_rows=150, unknown_share=0.0)


def reader(training: TrainingConfig = SMALL, keep: bool = False) -> WindowReader:
    source = MemorySource(SAMPLES, rows_per_piece=40)
    return WindowReader(source, Encoder.fit(SAMPLES, SPEC, 6), np.ones(3), training, 32, keep)


def plans(training: TrainingConfig = SMALL, epoch: int = 1) -> list[WindowPlan]:
    rows = MemorySource(SAMPLES, rows_per_piece=40).piece_rows
    return plan_epoch(rows, range(len(rows)), epoch, training)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 200), st.integers(1, 3))
def test_an_epoch_visits_every_piece_once_in_windows_of_similar_size(
    piece_rows: list[int], window_rows: int, epoch: int
) -> None:
    training = TrainingConfig(window_rows=window_rows)
    found = plan_epoch(piece_rows, range(len(piece_rows)), epoch, training)
    assert sorted(piece for plan in found for piece in plan.pieces) == list(range(len(piece_rows)))
    assert [plan.index for plan in found] == list(range(len(found)))
    largest = max(sum(piece_rows[piece] for piece in plan.pieces) for plan in found)
    assert largest <= window_rows + max(piece_rows)


def test_an_epoch_is_every_row_once_and_every_epoch_another_order() -> None:
    orders = []
    for epoch in (1, 1, 2):
        windows = list(stream_windows(reader(), plans(epoch=epoch)))
        assert len(windows) == 4
        orders.append(np.concatenate([window.origin[:, 0] * 40 + window.origin[:, 1] for window in windows]))
        assert sorted(orders[-1].tolist()) == list(range(500))
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()


def test_batches_hold_the_rows_they_say_and_all_of_the_window() -> None:
    window = next(stream_windows(reader(), plans()))
    assert [start for start, _ in window.bounds] == [0, *[stop for _, stop in window.bounds[:-1]]]
    assert window.bounds[-1][1] == len(window.origin)
    assert SAMPLES.labels is not None
    batch = window.batch(1)
    rows = batch.origin[:, 0] * 40 + batch.origin[:, 1]
    np.testing.assert_allclose(batch.labels.numpy(), SAMPLES.labels[rows], rtol=1e-6)
    expected = reader().encoder.encode(SAMPLES.take(rows))
    np.testing.assert_array_equal(batch.bins.numpy(), expected.bins)
    np.testing.assert_array_equal(batch.dense.numpy(), expected.dense)
    np.testing.assert_array_equal(batch.groups.knowledge[batch.groups.row_group].numpy(), expected.knowledge)


def test_a_window_mixes_pieces_and_a_batch_does_too() -> None:
    window = next(stream_windows(reader(), plans()))
    assert len(np.unique(window.origin[:, 0])) >= 3
    assert len(np.unique(window.batch(0).origin[:, 0])) >= 3
    assert (np.diff(window.origin[:, 0]) != 0).mean() > 0.3


def test_some_knowledge_becomes_unknown_by_chunk() -> None:
    windows = list(stream_windows(reader(replace(SMALL, unknown_share=0.3)), plans()))
    hidden = np.concatenate([window.knowledge == UNKNOWN for window in windows])
    assert 0.2 < hidden.mean() < 0.4
    for window in windows:
        for chunk in np.unique(window.chunk):
            assert len(np.unique(window.knowledge[window.chunk == chunk], axis=0)) == 1


def assert_same(one: list[Window], other: list[Window]) -> None:
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert left.bounds == right.bounds
        for name in ("bins", "dense", "labels", "knowledge", "code", "chunk", "origin"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def test_keeping_pieces_in_memory_changes_nothing() -> None:
    kept = reader(keep=True)
    for epoch in (1, 2):
        found = list(stream_windows(kept, plans(epoch=epoch)))
        assert_same(found, list(stream_windows(reader(), plans(epoch=epoch))))


@pytest.fixture
def from_files(tmp_path: Path) -> WindowReader:
    source = FileSource.write(SAMPLES, tmp_path, rows_per_piece=40)
    return WindowReader(source, reader().encoder, np.ones(3), SMALL, 32)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_loader_processes_change_nothing(from_files: WindowReader, processes: int) -> None:
    here = list(stream_windows(reader(), plans()))
    assert_same(list(stream_windows(from_files, plans(), processes)), here)


def test_a_reader_that_has_read_is_still_small_when_it_travels(from_files: WindowReader) -> None:
    assert len(from_files[plans()[0]].code) > 100
    assert len(pickle.dumps(from_files)) < 20_000


def test_a_window_may_be_empty(from_files: WindowReader, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = SAMPLES.take(np.empty(0, dtype=np.int64))
    monkeypatch.setattr(FileSource, "read", lambda source, piece: nothing)
    window = from_files[plans()[0]]
    assert window.bounds == [] and len(window.origin) == 0


def test_batches_are_counted_window_by_window() -> None:
    rows = reader().source.piece_rows
    windows = list(stream_windows(reader(), plans()))
    assert count_batches(rows, plans(), 32) == sum(len(window.bounds) for window in windows) == 17


def test_streams_of_random_numbers_are_apart() -> None:
    first = plan_epoch([1] * 50, range(50), 0, replace(SMALL, window_rows=50))[0]
    other = np.random.default_rng([SMALL.seed, 0, 0]).permutation(50)
    assert list(first.pieces) != other.tolist()
