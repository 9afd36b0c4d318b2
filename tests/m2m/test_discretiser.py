from __future__ import annotations

import json

import numpy as np
import pytest

from m2m.discretiser import FIRST_VALUE, MISSING, OUT_OF_RANGE, ZERO, Discretiser


def column(values: list[float]) -> np.ndarray:
    """[1, 1, T]"""
    return np.array([[values]], dtype=np.float32)


def test_bins_by_hand() -> None:
    fitted = Discretiser.fit(column([0, 0, 1, 2, 3, 4, 5, 6, 7, 8]), value_bins=4)
    np.testing.assert_array_equal(fitted.edges[0], [2, 4, 6])
    assert fitted.largest == (8.0,)
    assert fitted.bins == (FIRST_VALUE + 4,)
    ids = fitted.transform(column([np.nan, 0, -1, 8.5, 0.1, 2, 2.5, 6, 8]))[0, :, 0]
    first = FIRST_VALUE
    expected = [MISSING, ZERO, OUT_OF_RANGE, OUT_OF_RANGE, first, first, first + 1, first + 2, first + 3]
    assert ids.tolist() == expected


def test_zero_and_missing_do_not_move_the_edges() -> None:
    values = [1.0, 2, 3, 4, 5, 6, 7, 8]
    plain = Discretiser.fit(column(values), 4)
    padded = Discretiser.fit(column([0.0] * 50 + [np.nan] * 50 + values), 4)
    np.testing.assert_array_equal(plain.edges[0], padded.edges[0])


def test_repeated_values_share_one_bin_and_empty_bins_vanish() -> None:
    fitted = Discretiser.fit(column([1.0] * 90 + [2.0] * 10), value_bins=16)
    np.testing.assert_array_equal(fitted.edges[0], [1.0])
    ids = fitted.transform(column([1.0, 2.0]))[0, :, 0]
    assert ids.tolist() == [FIRST_VALUE, FIRST_VALUE + 1]


def test_column_without_positive_values() -> None:
    fitted = Discretiser.fit(column([0.0, np.nan]), 4)
    assert fitted.transform(column([0.0, np.nan, 3.0]))[0, :, 0].tolist() == [ZERO, MISSING, OUT_OF_RANGE]


def test_axes_become_rows_days_columns() -> None:
    sequences = np.random.default_rng(0).gamma(1.0, 1.0, size=(5, 3, 7)).astype(np.float32)
    fitted = Discretiser.fit(sequences, 8)
    ids = fitted.transform(sequences)
    assert ids.shape == (5, 7, 3)
    expected = FIRST_VALUE + int((fitted.edges[2] < sequences[4, 2, 6]).sum())
    assert ids[4, 6, 2] == expected


@pytest.mark.parametrize("value_bins", [2, 16])
def test_survives_json_exactly(value_bins: int) -> None:
    sequences = np.random.default_rng(1).gamma(1.0, 1.0, size=(50, 2, 4)).astype(np.float32)
    fitted = Discretiser.fit(sequences, value_bins)
    again = Discretiser.from_dict(json.loads(json.dumps(fitted.to_dict())))
    for before, after in zip(fitted.edges, again.edges, strict=True):
        np.testing.assert_array_equal(before, after)
    assert again.largest == fitted.largest
