from __future__ import annotations

import numpy as np
import pytest

from m2m.calibration import (
    ReliabilityBin,
    coverage,
    expected_calibration_error,
    pit_shares,
    randomised_pit,
    reliability,
)


def test_coverage_by_hand() -> None:
    actual = np.array([[0.0, 5.0], [2.0, 9.0]])
    low, high = np.array([[0.0, 6.0], [1.0, 9.0]]), np.array([[0.0, 8.0], [3.0, 9.5]])
    assert coverage(actual, low, high) == 0.75
    assert np.isnan(coverage(np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 2))))
    with pytest.raises(ValueError, match="one and the same"):
        coverage(actual, low, high[:1])


def test_reliability_and_its_error_by_hand() -> None:
    probability = np.array([0.1, 0.3, 0.6, 0.8, 1.0])
    happened = np.array([False, True, True, True, False])
    assert reliability(probability, happened, bins=2) == [
        ReliabilityBin(0.0, 0.5, 2, pytest.approx(0.2), 0.5),
        ReliabilityBin(0.5, 1.0, 3, pytest.approx(0.8), pytest.approx(2 / 3)),
    ]
    # 2/5 * 0.3 + 3/5 * (0.8 - 2/3)
    assert expected_calibration_error(probability, happened, bins=2) == pytest.approx(0.2)
    assert [each.low for each in reliability(probability[:1], happened[:1], bins=10)] == [0.1]
    assert np.isnan(expected_calibration_error(np.empty(0), np.empty(0, dtype=bool)))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_a_probability_out_of_range_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        reliability(np.array([0.5, wrong]), np.array([True, False]))


def test_pit_by_hand() -> None:
    levels, generator = (0.1, 0.5, 0.9), np.random.default_rng(0)
    rows = [  # label, its quantiles, P(y = 0), where its PIT must lie
        (0.0, (0.0, 2.0, 5.0), 0.3, (0.0, 0.3)),
        (1.0, (0.0, 2.0, 5.0), 0.3, (0.3, 0.5)),
        (3.0, (0.0, 2.0, 5.0), 0.3, (0.5, 0.9)),
        (9.0, (0.0, 2.0, 5.0), 0.3, (0.9, 1.0)),
        (7.0, (4.0, 7.0, 7.0), 0.0, (0.1, 1.0)),
        (0.0, (1.0, 2.0, 3.0), 0.05, (0.0, 0.05)),
    ]
    for label, quantiles, zero, (low, high) in rows:
        many = 500
        values = randomised_pit(
            np.full(many, label), levels, np.tile(quantiles, (many, 1)), np.full(many, zero), generator
        )
        assert (values.min(), values.max()) == pytest.approx((low, high), abs=0.02)
        assert low <= values.min() and values.max() <= high
    with pytest.raises(ValueError, match="rising levels"):
        randomised_pit(np.zeros(2), (0.5, 0.1), np.zeros((2, 2)), np.zeros(2), generator)


def test_pit_of_a_right_forecast_is_uniform_where_closed_intervals_hold_too_much() -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(1)
    rate = generator.uniform(0.5, 4.0, size=20_000)
    actual = generator.poisson(rate).astype(np.float64)
    levels = np.linspace(0.02, 0.98, 49)
    quantiles = stats.poisson.ppf(levels, rate[:, None])
    pit = randomised_pit(actual, levels.tolist(), quantiles, np.exp(-rate), generator)
    assert abs(np.mean((pit > 0.1) & (pit < 0.9)) - 0.8) < 0.01
    assert coverage(actual, quantiles[:, 4], quantiles[:, 44]) > 0.88
    assert stats.kstest(pit, "uniform").statistic < 0.02
    wrong = randomised_pit(actual, levels.tolist(), quantiles + 1, np.exp(-rate), generator)
    assert stats.kstest(wrong, "uniform").statistic > 0.1


def test_pit_shares_by_hand() -> None:
    assert pit_shares(np.array([0.05, 0.2, 0.3, 0.95]), (0.1, 0.9)).tolist() == [0.25, 0.5, 0.25]
    assert pit_shares(np.empty(0), (0.5,)).tolist() == [0.0, 0.0]
