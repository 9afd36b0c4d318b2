"""Rows without activity that are alike are computed once, and every row gets its own result."""

from __future__ import annotations

import numpy as np
import pytest

from m2m import Bundle, Samples, Scorer
from m2m.dormant import distinct_rows
from tests.m2m.world import make_samples


@pytest.fixture
def samples() -> Samples:
    return make_samples(60, seed=5)


def dormant(samples: Samples, rows: list[int]) -> Samples:
    """The samples with nothing in the sequences and sums of some rows, on the same weekday."""
    samples.sequences[rows] = 0
    samples.advertiser_window_sums[rows] = 0
    samples.weekday[rows] = 2
    return samples


def test_rows_that_are_alike_point_to_the_first_of_them(samples: Samples) -> None:
    few = dormant(samples.take(np.arange(8)), [1, 3, 4, 6])
    code = np.array([0, 7, 0, 7, 9, 0, 7, 0])
    found = distinct_rows(few, code)
    assert found is not None
    computed, place = found
    assert computed.tolist() == [0, 1, 2, 4, 5, 7]
    assert computed[place].tolist() == [0, 1, 2, 1, 4, 5, 1, 7]


@pytest.mark.parametrize("differs", ["sums", "weekday", "code", "sequences"])
def test_a_row_that_differs_in_anything_the_model_reads_is_computed_itself(
    samples: Samples, differs: str
) -> None:
    few, code = dormant(samples.take(np.arange(4)), [1, 3]), np.zeros(4, dtype=np.int64)
    assert distinct_rows(few, code) is not None
    if differs == "sums":
        few.advertiser_window_sums[3, -1] = 1e-6
    elif differs == "weekday":
        few.weekday[3] = 3
    elif differs == "code":
        code[3] = 1
    else:
        few.sequences[3, 0, 0] = np.nan  # missing is something
    assert distinct_rows(few, code) is None


def test_predictions_are_those_of_rows_scored_one_by_one(tiny_bundle: Bundle, samples: Samples) -> None:
    rows = samples.take(np.arange(60))
    quiet = dormant(rows, list(range(0, 60, 2)))
    scorer = Scorer(tiny_bundle)
    together = scorer.predict(quiet).mean
    alone = np.concatenate([scorer.predict(quiet.take(np.array([row]))).mean for row in range(60)])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_the_network_sees_each_distinct_row_once(
    tiny_bundle: Bundle, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    forward = tiny_bundle.model.forward_with
    monkeypatch.setattr(
        tiny_bundle.model, "forward_with", lambda bins, *rest: seen.append(len(bins)) or forward(bins, *rest)
    )
    few = samples.take(np.arange(50))
    few.knowledge = {name: np.repeat(values[:1], 50) for name, values in few.knowledge.items()}
    Scorer(tiny_bundle).predict(dormant(few, list(range(10, 50))))
    assert sum(seen) == 11
