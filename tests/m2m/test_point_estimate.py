from __future__ import annotations

import numpy as np
import pytest

from m2m.cheapest_point import AMOUNT_LEVELS, cheapest
from m2m.metrics import cell_metrics, overall
from m2m.point_estimate import ABSOLUTE_WEIGHT, PointRule, fitted_scale, rounded

WHOLE = (True, False)
SCENARIO = np.array(["large", "small"] * 500)


def labels_and_point(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Totals of which half are 0, and an estimate that is never 0 and a fifth too low."""
    world = np.random.default_rng(seed)
    expected = np.exp(world.normal(1.5, 1.0, (1000, 2)))
    labels = np.rint(expected * world.lognormal(0.0, 0.2, (1000, 2)))
    quiet = world.random((1000, 2)) < 0.5
    labels[quiet] = 0.0
    return labels, np.where(quiet, 0.1, 0.8 * expected)


def test_the_rule_lowers_both_errors_on_its_own_rows() -> None:
    labels, point = labels_and_point()
    rule = PointRule.fit(point, labels, SCENARIO, WHOLE)
    before, after = (
        overall(cell_metrics(labels, estimate, SCENARIO, ("clicks", "gmv")))
        for estimate in (point, rule.apply(point))
    )
    assert after["nmae"] < before["nmae"]
    assert after["smape"] < 0.6 * before["smape"]


def test_scale_goes_half_the_way_to_the_best_factor() -> None:
    labels, _ = labels_and_point()
    for factor in (0.85, 1.0, 1.1):
        found = fitted_scale(labels / factor, labels, SCENARIO, (False, False))
        assert found == pytest.approx(np.sqrt(factor), rel=0.011)
    assert fitted_scale(labels / 3, labels, SCENARIO, (False, False)) == pytest.approx(np.exp(0.1))


def test_snaps_are_of_each_task_and_in_its_units() -> None:
    labels, point = labels_and_point()
    one = PointRule.fit(point, labels, SCENARIO, (False, False))
    hundredfold = PointRule.fit(point * [1, 100], labels * [1, 100], SCENARIO, (False, False))
    assert min(one.snaps) > 0.1 * one.scale
    assert hundredfold.snaps == pytest.approx([one.snaps[0], 100 * one.snaps[1]])


def test_apply_scales_rounds_and_snaps() -> None:
    rule = PointRule(1.1, (2.0, 3.0), WHOLE)
    found = rule.apply(np.array([[1.3, 2.5], [1.4, 3.0], [9.6, 0.0]]))
    np.testing.assert_allclose(found, [[0.0, 0.0], [2.0, 3.3], [11.0, 0.0]])


@pytest.mark.parametrize("rows", [0, 4])
def test_without_anything_to_learn_from_nothing_changes(rows: int) -> None:
    nothing, names = np.zeros((rows, 2)), np.array(["a"] * rows, dtype=np.str_)
    rule = PointRule.fit(nothing, nothing, names, WHOLE)
    assert rule == PointRule(1.0, (0.0, 0.0), WHOLE)


def test_rows_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the same rows and tasks"):
        PointRule.fit(np.zeros((3, 2)), np.zeros((4, 2)), SCENARIO[:3], WHOLE)


def test_rounding_keeps_money() -> None:
    np.testing.assert_array_equal(rounded(np.array([[1.4, 1.4]]), WHOLE), [[1.0, 1.4]])


def expected_cost(point: float, amounts: list[float], probability: float, mean: float) -> float:
    """Of one row, in plain Python."""

    def cost(label: float) -> float:
        relative = 0.0 if point == label == 0 else abs(point - label) / ((point + label) / 2)
        return ABSOLUTE_WEIGHT * abs(point - label) / mean + relative

    something = sum(cost(amount) for amount in amounts) / len(amounts)
    return (1 - probability) * cost(0.0) + probability * something


def test_cheapest_is_the_least_expected_cost_of_each_row_and_task() -> None:
    world = np.random.default_rng(5)
    shape, means = (40, 2), np.array([2.0, 30.0])
    amounts = [world.exponential(means, shape) for _ in AMOUNT_LEVELS]
    probability = world.random(shape)
    candidates = [np.zeros(shape), amounts[3], amounts[7]]
    found = cheapest(candidates, amounts, probability, means)
    for row, task in np.ndindex(shape):
        tried = [float(candidate[row, task]) for candidate in candidates]
        here = [float(amount[row, task]) for amount in amounts]
        costs = [expected_cost(point, here, probability[row, task], means[task]) for point in tried]
        assert found[row, task] == tried[int(np.argmin(costs))]
    assert (
        len({int(np.argmin([abs(found[row, 0] - c[row, 0]) for c in candidates])) for row in range(40)}) == 3
    )


def test_cheapest_needs_candidates_and_amounts() -> None:
    one = np.ones((1, 1))
    with pytest.raises(ValueError, match="0 candidates"):
        cheapest([], [one], one, np.ones(1))
    with pytest.raises(ValueError, match="0 amounts"):
        cheapest([one], [], one, np.ones(1))
