from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2m.batches import batch_bounds, iterate_batches, plan_chunks
from m2m.encoder import Encoder
from m2m.vocabulary import UNKNOWN
from tests.m2m.world import SPEC, make_samples


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(1, 9))
def test_chunks_hold_one_knowledge_row_and_every_row_once(codes: list[int], chunk_rows: int) -> None:
    code = np.array(codes)
    rows, chunk = plan_chunks(code, chunk_rows, np.random.default_rng(0))
    assert sorted(rows.tolist()) == list(range(len(code)))
    assert (np.diff(chunk) >= 0).all()
    for number in np.unique(chunk):
        assert len(np.unique(code[rows[chunk == number]])) == 1
    assert np.bincount(chunk).max() <= chunk_rows
    cuts = sum(-(-count // chunk_rows) for count in np.unique(code, return_counts=True)[1])
    assert len(np.unique(chunk)) == cuts


@given(st.lists(st.integers(1, 8), min_size=1, max_size=50), st.integers(8, 40))
def test_bounds_cover_all_rows_and_cut_no_chunk(sizes: list[int], batch_size: int) -> None:
    chunk = np.repeat(np.arange(len(sizes)), sizes)
    bounds = batch_bounds(chunk, batch_size)
    assert [start for start, _ in bounds] == [0, *[stop for _, stop in bounds[:-1]]]
    assert bounds[-1][1] == len(chunk)
    assert all(start == 0 or chunk[start] != chunk[start - 1] for start, _ in bounds)
    assert max(stop - start for start, stop in bounds) <= batch_size + 8


def batches(unknown_share: float, seed: int = 0) -> list[tuple[np.ndarray, torch.Tensor]]:
    samples = make_samples(200)
    encoder = Encoder.fit(samples, SPEC, 6)
    labels = torch.from_numpy(np.arange(200, dtype=np.float32))[:, None]
    found = iterate_batches(
        encoder.encode(samples), labels, encoder.vocabulary, np.random.default_rng(seed), 32, 4, unknown_share
    )
    out = []
    for batch in found:
        np.testing.assert_array_equal(batch.labels[:, 0].numpy(), batch.rows)
        out.append((batch.rows, batch.groups.knowledge[batch.groups.row_group]))
    return out


def test_an_epoch_is_every_row_once_and_depends_on_the_seed() -> None:
    rows = [np.concatenate([part for part, _ in batches(0.0, seed)]) for seed in (0, 0, 1)]
    assert sorted(rows[0].tolist()) == list(range(200))
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).any()


def test_some_knowledge_becomes_unknown() -> None:
    assert all((ids != UNKNOWN).all() for _, ids in batches(0.0))
    share = float(torch.cat([ids == UNKNOWN for _, ids in batches(0.3)]).float().mean())
    assert 0.15 < share < 0.45
