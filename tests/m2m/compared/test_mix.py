"""Weights of a mix: on the simplex, where they should be, shrunk, never to the first member's loss."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from m2m import cell_metrics, overall
from m2m.compared.mix import Mix
from m2m.metrics import Values

TASKS = ("clicks", "gmv")


def make_rows(rows: int = 400, seed: int = 0) -> tuple[list[Values], Values, np.ndarray]:
    """Three forecasts with errors of their own, labels with zeros, two scenarios of different size."""
    generator = np.random.default_rng(seed)
    labels = generator.poisson(2.0, (rows, 2)) * generator.gamma(1.0, 1.0, (rows, 2))
    spread = (1.0, 1.5, 0.8)
    points = [np.maximum(0, labels * 0.9 + generator.normal(0, sd, labels.shape)) for sd in spread]
    return points, labels, generator.choice(["a", "b"], size=rows, p=[0.8, 0.2])


def error(point: Values, labels: Values, scenario: np.ndarray, task: int) -> float:
    cells = cell_metrics(labels[:, [task]], point[:, [task]], scenario, TASKS[:1])
    return overall(cells)["nmae"]


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_on_the_simplex_and_the_mix_is_no_worse_than_the_first(seed: int) -> None:
    points, labels, scenario = make_rows(rows=60, seed=seed)
    mix = Mix.fit(points, labels, scenario)
    assert mix.weights.shape == (2, 3) and (mix.weights >= 0).all()
    assert mix.weights.sum(axis=1) == pytest.approx(np.ones(2))
    for task in range(2):
        mixed = error(mix.apply(points), labels, scenario, task)
        assert mixed < error(points[0], labels, scenario, task)


def test_finds_what_a_fine_grid_finds() -> None:
    points, labels, scenario = make_rows(rows=3000)
    mix = Mix.fit(points, labels, scenario)
    believed = len(labels) / (len(labels) + 500)
    unshrunk = (mix.weights - (1 - believed) * np.eye(3)[0]) / believed
    steps = np.linspace(0, 1, 21)
    for task in range(2):
        grid = [
            error(a * points[0] + b * points[1] + (1 - a - b) * points[2], labels, scenario, task)
            for a, b in product(steps, steps)
            if a + b <= 1
        ]
        assert error(Mix(unshrunk).apply(points), labels, scenario, task) < min(grid) + 1e-4
        assert unshrunk[task].min() > 0.05  # all three help, so the grid's inside is where the best is


def test_a_perfect_member_gets_all_weight() -> None:
    points, labels, scenario = make_rows(rows=100_000)
    weights = Mix.fit([points[0], labels, points[1]], labels, scenario).weights
    assert weights[:, 1] == pytest.approx(np.full(2, 1.0), abs=0.006)


def test_few_rows_keep_the_first_member() -> None:
    points, labels, scenario = make_rows(rows=10)
    weights = Mix.fit([points[0], labels], labels, scenario).weights
    assert weights[:, 1] == pytest.approx(np.full(2, 10 / 510))


def test_every_scenario_counts_the_same() -> None:
    """The first forecast is right in the large scenario and says nothing in the small one, which has a hundredth of the
    labels; the second misses some in both. Of all rows together the first is better, of the cells the second."""
    scenario = np.array(["large"] * 900 + ["small"] * 100)
    labels = np.where(scenario == "large", 10.0, 1.0)[:, None]
    large = scenario[:, None] == "large"
    points = [np.where(large, labels, 0.0), np.where(large, 0.6, 0.8) * labels]
    assert Mix.fit(points, labels, scenario).weights[0, 1] == pytest.approx(1000 / 1500)


def test_a_task_without_labels_keeps_the_first_member() -> None:
    points, labels, scenario = make_rows()
    labels[:, 1] = 0.0
    weights = Mix.fit(points, labels, scenario).weights
    assert weights[1].tolist() == [1.0, 0.0, 0.0] and weights[0, 0] < 1.0


def test_order_of_rows_is_of_no_account() -> None:
    points, labels, scenario = make_rows()
    mixed = np.random.default_rng(9).permutation(len(labels))
    shuffled = Mix.fit([point[mixed] for point in points], labels[mixed], scenario[mixed])
    assert shuffled.weights == pytest.approx(Mix.fit(points, labels, scenario).weights)


def test_forecasts_that_do_not_fit_are_refused() -> None:
    points, labels, scenario = make_rows()
    with pytest.raises(ValueError, match=r"forecast 1 is \(3, 2\), expected \(400, 2\)"):
        Mix.fit([points[0], points[1][:3]], labels, scenario)
    with pytest.raises(ValueError, match="no forecast to mix"):
        Mix.fit([], labels, scenario)
    with pytest.raises(ValueError, match="2 forecasts, expected 3"):
        Mix.fit(points, labels, scenario).apply(points[:2])
