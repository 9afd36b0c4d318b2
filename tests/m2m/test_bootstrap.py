"""The paired bootstrap against a plain loop, and how often its interval holds the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from m2m import cell_metrics, overall
from m2m.bootstrap import Difference, paired_bootstrap, resampled
from m2m.metrics import Values

TASKS = ("clicks", "gmv")
Rows = tuple[Values, Values, Values, np.ndarray, np.ndarray]


def make_rows(clusters: int = 12, rows: int = 90, seed: int = 0) -> Rows:
    """Labels, ours, theirs, scenario, cluster: ours errs less; scenario c is rare, and its labels mostly 0."""
    generator = np.random.default_rng(seed)
    scenario = generator.choice(["a", "b", "c"], size=rows, p=[0.6, 0.35, 0.05])
    cluster = np.char.add("adv", generator.integers(clusters, size=rows).astype(str))
    actual = generator.poisson(1.0, (rows, 2)).astype(np.float64)
    ours, theirs = (np.abs(actual + generator.normal(0, sd, (rows, 2))) for sd in (0.9, 1.0))
    return actual, ours, theirs, scenario, cluster


def plain_nmae(actual: Values, predicted: Values, scenario: np.ndarray, tasks: tuple[str, ...]) -> float:
    return overall(cell_metrics(actual, predicted, scenario, tasks))["nmae"]


def plain_bootstrap(rows: Rows, draws: int, seed: int) -> list[float]:
    """Rows of the drawn clusters put together one by one, metrics of `m2m.metrics`."""
    actual, ours, theirs, scenario, cluster = rows
    names, found = np.unique(cluster), []
    for counts in resampled(len(names), draws, seed):
        picked = [
            np.flatnonzero(cluster == name) for name, n in zip(names, counts, strict=True) for _ in range(n)
        ]
        at = np.concatenate(picked)
        errors = [plain_nmae(actual[at], one[at], scenario[at], TASKS) for one in (theirs, ours)]
        found.append(errors[0] - errors[1])
    return found


def test_equals_a_plain_loop_over_resampled_rows() -> None:
    rows = make_rows()
    found, draws = paired_bootstrap(*rows, TASKS, draws=200, seed=3), plain_bootstrap(rows, 200, 3)
    actual, ours, theirs, scenario, _ = rows
    difference = plain_nmae(actual, theirs, scenario, TASKS) - plain_nmae(actual, ours, scenario, TASKS)
    low, high = np.percentile(draws, [2.5, 97.5])
    assert found == pytest.approx((difference, low, high, np.mean(np.array(draws) > 0)))
    # Some draws hold no row of the rare scenario, or the loop would not show that its cells are left out.
    counts = np.stack(list(resampled(12, 200, 3)))
    rare = np.isin(np.unique(rows[4]), rows[4][scenario == "c"])
    assert 0 < (counts[:, rare].sum(axis=1) == 0).sum() < 200


def test_every_draw_takes_as_many_clusters_as_there_are() -> None:
    counts = np.stack(list(resampled(50, 400, 1)))
    assert counts.shape == (400, 50) and (counts.sum(axis=1) == 50).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.25)
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.05)


def test_order_of_rows_and_size_of_blocks_are_of_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_rows()
    expected = paired_bootstrap(*rows, TASKS, draws=100)
    mixed = np.random.default_rng(5).permutation(len(rows[0]))
    shuffled: Rows = tuple(part[mixed] for part in rows)  # type: ignore[assignment]
    assert paired_bootstrap(*shuffled, TASKS, draws=100) == pytest.approx(expected)
    monkeypatch.setattr("m2m.bootstrap._BLOCK", 30)
    assert paired_bootstrap(*rows, TASKS, draws=100) == pytest.approx(expected)
    assert paired_bootstrap(*rows, TASKS, draws=100, seed=8) != pytest.approx(expected)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Clusters share an error, so rows are not independent; the truth is the difference over very many of them."""

    def world(clusters: int, seed: int) -> Rows:
        generator = np.random.default_rng(seed)
        cluster = np.repeat(np.arange(clusters), 8)
        actual = generator.gamma(2.0, 1.0, (len(cluster), 2))
        shared = np.repeat(generator.normal(0, 1.0, (2, clusters, 2)), 8, axis=1)
        ours, theirs = actual + shared[0], actual + 1.1 * shared[1]
        return actual, ours, theirs, np.full(len(cluster), "a"), cluster

    truth = paired_bootstrap(*world(200_000, 0), TASKS, draws=1).difference
    found = [paired_bootstrap(*world(100, seed), TASKS, draws=200) for seed in range(1, 201)]
    assert np.mean([one.low <= truth <= one.high for one in found]) == pytest.approx(0.95, abs=0.04)


def test_one_scenario_alone() -> None:
    rows = make_rows()
    inside = rows[3] == "b"
    found = paired_bootstrap(*rows, TASKS, draws=50, only="b").difference
    errors = [plain_nmae(rows[0][inside], one[inside], rows[3][inside], TASKS) for one in (rows[2], rows[1])]
    assert found == pytest.approx(errors[0] - errors[1])
    with pytest.raises(ValueError, match="'d' is not there"):
        paired_bootstrap(*rows, TASKS, only="d")


def test_seeds_are_averaged_as_nmae_not_as_predictions() -> None:
    actual, ours, theirs, scenario, cluster = make_rows()
    both = np.stack([ours, 2 * actual])
    found = paired_bootstrap(actual, both, theirs[None], scenario, cluster, TASKS, draws=10).difference
    alone = [plain_nmae(actual, one, scenario, TASKS) for one in both]
    assert found == pytest.approx(plain_nmae(actual, theirs, scenario, TASKS) - np.mean(alone))


def test_nothing_to_measure_is_not_a_number_and_equal_forecasts_are_no_difference() -> None:
    actual, ours, _, scenario, cluster = make_rows()
    assert paired_bootstrap(actual, ours, ours, scenario, cluster, TASKS) == Difference(0.0, 0.0, 0.0, 0.0)
    empty = paired_bootstrap(np.zeros_like(actual), ours, ours, scenario, cluster, TASKS)
    assert all(math.isnan(value) for value in empty)


def test_arrays_that_do_not_fit_are_refused() -> None:
    actual, ours, theirs, scenario, cluster = make_rows()
    with pytest.raises(ValueError, match=r"theirs are \(90, 1\), expected \(90, 2\)"):
        paired_bootstrap(actual, ours, theirs[:, :1], scenario, cluster, TASKS)
    with pytest.raises(ValueError, match="90 scenarios and 3 clusters"):
        paired_bootstrap(actual, ours, theirs, scenario, cluster[:3], TASKS)
    with pytest.raises(ValueError, match="ours hold values that are not finite"):
        paired_bootstrap(actual, np.full_like(ours, np.nan), theirs, scenario, cluster, TASKS)
    with pytest.raises(ValueError, match="draws is 0"):
        paired_bootstrap(actual, ours, theirs, scenario, cluster, TASKS, draws=0)
