from __future__ import annotations

from dataclasses import replace

import numpy as np

from m2m.dense import DenseFeatures, days_since_active, raw_dense, window_sums
from tests.m2m.world import SPEC, make_samples


def test_window_sums_by_hand() -> None:
    sequences = np.array([[[1, 2, 3, 4], [0, 0, np.nan, 5]]], dtype=np.float32)
    sums = window_sums(sequences, (1, 3, 10))
    assert sums.tolist() == [[4, 5, 9, 5, 10, 5]]


def test_days_since_active_by_hand() -> None:
    performance = np.zeros((3, 2, 5), dtype=np.float32)
    performance[0, 1, 4] = 1
    performance[1, 0, 2] = 1
    assert days_since_active(performance).tolist() == [0, 2, 5]


def test_training_rows_are_standardised() -> None:
    samples = make_samples(500)
    values = DenseFeatures.fit(samples, SPEC).transform(samples, SPEC)
    assert values.shape == (500, 2 * 4 * 4 + 1 + 7)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=2e-3)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=2e-2)


def test_constant_feature_and_huge_value_stay_finite() -> None:
    samples = make_samples(50)
    fitted = DenseFeatures.fit(replace(samples, weekday=np.zeros(50)), SPEC)
    huge = replace(samples, advertiser_window_sums=np.full((50, 16), np.float32(1e30)))
    assert np.abs(fitted.transform(huge, SPEC)).max() <= 8.0


def test_layout_is_pair_then_advertiser_then_recency_then_weekday() -> None:
    samples = make_samples(2)
    raw = raw_dense(replace(samples, advertiser_window_sums=np.zeros((2, 16))), SPEC)
    np.testing.assert_allclose(raw[:, 0], np.log1p(samples.sequences[:, 0, -1]), rtol=1e-6)
    assert not raw[:, 16:32].any()
    np.testing.assert_array_equal(raw[:, 33:].argmax(axis=1), samples.weekday)


def test_standardisation_by_hand() -> None:
    samples = make_samples(2)
    sequences = np.zeros((2, 4, 14), dtype=np.float32)
    sequences[1, 0, -1] = np.expm1(2.0)
    rows = replace(
        samples, sequences=sequences, advertiser_window_sums=np.zeros((2, 16)), weekday=np.array([0, 1])
    )
    fitted = DenseFeatures.fit(rows, SPEC)
    values = fitted.transform(rows, SPEC)
    # log(1 + sum) is 0 and 2: mean 1, deviation 1. A column that never moves has mean 0 and scale 1.
    assert (fitted.mean[0], fitted.scale[0]) == (1.0, 1.0)
    np.testing.assert_allclose(values[:, 0], [-1, 1], rtol=1e-6)
    assert (fitted.mean[1], fitted.scale[1]) == (0.0, 1.0)
    np.testing.assert_allclose(values[:, 33:35], [[1, -1], [-1, 1]], rtol=1e-6)


def test_no_rows_give_no_sums() -> None:
    assert window_sums(np.empty((0, 2, 5), dtype=np.float32), (1, 3)).shape == (0, 4)
