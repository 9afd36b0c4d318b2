from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from m2m.training.batches import batch_bounds, plan_chunks


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
