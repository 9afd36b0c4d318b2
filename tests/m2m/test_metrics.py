from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from m2m import cell_metrics, nmae, overall, smape
from m2m.metrics import cell_weights


def test_nmae_by_hand() -> None:
    assert nmae(np.array([0.0, 2.0, 6.0]), np.array([1.0, 2.0, 3.0])) == 0.5
    assert math.isnan(nmae(np.zeros(2), np.ones(2)))


def test_smape_by_hand() -> None:
    found = smape(np.array([0.0, 0.0, 2.0]), np.array([0.0, 5.0, 6.0]))
    assert found == pytest.approx((0 + 2 + 1) / 3)


def test_nmae_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    actual, predicted = generator.gamma(1.0, 2.0, (2, 100))
    expected = mean_absolute_error(actual, predicted) / actual.mean()
    assert nmae(actual, predicted) == pytest.approx(expected)


def test_overall_is_the_plain_mean_over_cells_with_positive_labels() -> None:
    actual = np.array([[1.0, 0.0], [3.0, 0.0], [4.0, 2.0]])
    predicted = np.array([[2.0, 1.0], [3.0, 1.0], [4.0, 1.0]])
    cells = cell_metrics(actual, predicted, np.array(["a", "a", "b"]), ("clicks", "gmv"))
    assert [(cell.task, cell.scenario, cell.rows) for cell in cells] == [
        ("clicks", "a", 2), ("clicks", "b", 1), ("gmv", "a", 2), ("gmv", "b", 1),
    ]  # fmt: skip
    assert overall(cells)["nmae"] == pytest.approx((0.25 + 0.0 + 0.5) / 3)
    assert overall(cells)["smape"] == pytest.approx((1 / 3 + 0.0 + 2 / 3) / 3)
    assert math.isnan(overall([])["nmae"])


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        nmae(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="1 columns"):
        cell_metrics(np.zeros((2, 2)), np.zeros((2, 2)), np.array(["a", "b"]), ("clicks",))


def test_smape_agrees_with_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    actual, predicted = generator.poisson(1.0, (2, 300)).astype(np.float64)
    middle = (actual + predicted) / 2
    # The mean of |p - y| / middle is a weighted absolute error; rows of 0 against 0 have weight 0.
    weight = np.divide(1.0, middle, out=np.zeros(300), where=middle > 0)
    expected = mean_absolute_error(actual, predicted, sample_weight=weight) * weight.sum() / 300
    assert 0 < (middle == 0).sum() < 300
    assert smape(actual, predicted) == pytest.approx(expected)


def test_weighted_errors_sum_to_the_nmae_of_each_task() -> None:
    generator = np.random.default_rng(2)
    actual, predicted = generator.poisson(1.0, (2, 60, 2)).astype(np.float64)
    scenario = generator.choice(["a", "b", "c"], size=60)
    actual[scenario == "c", 0] = 0.0
    found = (cell_weights(actual, scenario) * np.abs(predicted - actual)).sum(axis=0)
    cells = cell_metrics(actual, predicted, scenario, ("clicks", "gmv"))
    for task, error in zip(("clicks", "gmv"), found, strict=True):
        assert error == pytest.approx(overall([cell for cell in cells if cell.task == task])["nmae"])
