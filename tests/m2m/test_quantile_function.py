from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2m.quantile_function import LEVELS, knots, pinball_loss, value_at

NUMBERS = st.lists(st.floats(-20, 20, width=32), min_size=len(LEVELS), max_size=len(LEVELS))


def test_knots_by_hand() -> None:
    raw = torch.tensor([1.0, 0.0, 0.0, 5.0, 2.0, 0.0, 1.0])
    small, one, three = (math.log1p(math.exp(x - 1)) for x in (0.0, 1.0, 2.0))
    expected = [5 - 2 * small - one, 5 - 2 * small, 5 - small, 5, 5 + three, 5 + three + small]
    assert knots(raw).tolist() == pytest.approx([*expected, 5 + three + small + one])
    with pytest.raises(ValueError, match="3 numbers per row and task, expected 7"):
        knots(raw[:3])


def test_values_between_and_beyond_the_knots_by_hand() -> None:
    heights = torch.tensor([0.0, 1.0, 2.0, 4.0, 5.0, 8.0, 9.0]).double()
    levels = {0.1: 1.0, 0.5: 4.0, 0.375: 3.0, 0.9: 8.0, 0.94: 8.5, 1.0: 9.25, 0.0: -0.25, 0.02: 0.0}
    found = value_at(heights.expand(len(levels), -1), torch.tensor(list(levels)).double())
    assert found.tolist() == pytest.approx(list(levels.values()), abs=1e-6)


@given(NUMBERS, st.floats(0, 1), st.floats(0, 1))
def test_quantiles_never_cross(raw: list[float], one: float, other: float) -> None:
    heights = knots(torch.tensor(raw).double())
    low, high = (value_at(heights, torch.tensor(level).double()) for level in sorted((one, other)))
    assert low <= high + 1e-12


def test_pinball_loss_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    heights, values = generator.normal(size=(50, len(LEVELS))), generator.normal(size=50)
    each = [metrics.mean_pinball_loss(values, heights[:, k], alpha=level) for k, level in enumerate(LEVELS)]
    found = pinball_loss(torch.from_numpy(heights), torch.from_numpy(values))
    assert found.shape == (50,)
    assert float(found.mean()) == pytest.approx(2 * np.mean(each))
