from __future__ import annotations

import numpy as np
import pytest

from m2m.heads import HEADS, PoissonHead, make_head
from tests.m2m.world import SPEC


def test_poisson_gives_the_mean_clips_bounded_tasks_and_stops_on_bad_numbers() -> None:
    raw = np.log(np.array([[2.0, 3.0, 9.0]], dtype=np.float32))[..., None]
    found = PoissonHead().forecast(raw, np.array([10.0, 1.0, 1.0]), SPEC)
    assert found.mean[0] == pytest.approx([20.0, 3.0, 7.0])
    assert found.median is None and found.point is found.mean
    assert list(found.parts()) == ["mean"]
    for bad in (np.nan, np.inf, 1e6):
        wrong = np.array([[0.0, bad, 0.0]], dtype=np.float32)[..., None]
        with pytest.raises(ValueError, match="1 predictions of expenditure are not finite"):
            PoissonHead().forecast(wrong, np.ones(3), SPEC)


def test_unknown_heads_are_refused() -> None:
    assert HEADS
    with pytest.raises(ValueError, match="'cauchy' is unknown"):
        make_head("cauchy")
