from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from m2m import Samples
from tests.m2m.world import SPEC, make_samples


def test_take_and_concat_give_the_rows_back() -> None:
    samples = make_samples(10)
    again = Samples.concat([samples.take(np.arange(4)), samples.take(np.arange(4, 10))])
    np.testing.assert_array_equal(again.sequences, samples.sequences)
    np.testing.assert_array_equal(again.knowledge["main_category"], samples.knowledge["main_category"])
    np.testing.assert_array_equal(again.labels, samples.labels)
    np.testing.assert_array_equal(again.keys["ds"], samples.keys["ds"])


def test_concat_refuses_parts_with_other_columns() -> None:
    samples = make_samples(3)
    with pytest.raises(ValueError, match="part 1"):
        Samples.concat([samples, replace(samples, knowledge={})])
    with pytest.raises(ValueError, match="no samples"):
        Samples.concat([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sequences": np.zeros((3, 4))}, "sequences has shape"),
        ({"weekday": np.zeros(2)}, "weekday has 2 rows, expected 3"),
        ({"weekday": np.full(3, 7)}, "0 .Monday. to 6"),
        ({"labels": np.zeros(3)}, "labels has shape"),
        ({"knowledge": {"scenario_id": np.array(["a"])}}, "knowledge scenario_id has 1 rows"),
    ],
)
def test_refuses_arrays_that_do_not_fit(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(make_samples(3), **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sequences": np.zeros((3, 4, 13))}, "expected .4, 14."),
        ({"advertiser_window_sums": np.zeros((3, 15))}, "expected 16"),
        ({"knowledge": {"scenario_id": np.array(["a", "b", "c"])}}, "lacks .'main_category'"),
        ({"labels": None}, "no labels"),
        ({"labels": np.zeros((3, 2))}, "2 columns"),
        ({"labels": np.full((3, 3), -1.0)}, "label impressions holds -1.0 in row 0"),
    ],
)
def test_refuses_rows_that_do_not_carry_the_spec(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(make_samples(3), **change).check_against(SPEC, labels=True)
