from __future__ import annotations

import json

import numpy as np
import pytest

from m2m import FeatureSpec, Samples
from m2m.discretiser import FIRST_VALUE, OUT_OF_RANGE, ZERO
from m2m.encoder import Encoder

SPEC = FeatureSpec(
    behaviours=("login_count",),
    performance=("impressions",),
    knowledge=("scenario_id", "main_category"),
    tasks=("impressions",),
    history_days=2,
    horizon_days=1,
    windows_days=(1, 2),
)


def rows(sequences: list[list[list[float]]], scenario: list[str], category: list[str]) -> Samples:
    count = len(sequences)
    return Samples(
        sequences=np.array(sequences, dtype=np.float32),
        advertiser_window_sums=np.zeros((count, 4), dtype=np.float32),
        weekday=np.zeros(count, dtype=np.int64),
        knowledge={"main_category": np.array(category), "scenario_id": np.array(scenario)},
    )


TRAIN = rows([[[0, 1], [0, 0]], [[2, 3], [0, 10]]], ["search", "feed"], ["toys", "toys"])


def test_by_hand() -> None:
    encoder = Encoder.fit(TRAIN, SPEC, value_bins=3)
    found = encoder.encode(rows([[[0, 2], [10, 11]]], ["search"], ["books"]))
    # Logins 1, 2, 3 have a bin each (2 is the second); impressions have one; 11 was never seen. Days before columns.
    assert found.bins.tolist() == [[[ZERO, FIRST_VALUE], [FIRST_VALUE + 1, OUT_OF_RANGE]]]
    # In the order of the spec: scenarios are feed (1) and search (2); books was never seen (0). Code: 2 * 2 + 0.
    assert (found.knowledge.tolist(), found.code.tolist()) == ([[2, 0]], [4])
    assert found.dense.shape == (1, encoder.dense_width) == (1, 4 + 4 + 1 + 7)
    # log(1 + logins of the last day): log 2 and log 4 in training, log 3 here.
    low, high = np.log(2), np.log(4)
    expected = (np.log(3) - (low + high) / 2) / ((high - low) / 2)
    assert found.dense[0, 0] == pytest.approx(expected, rel=1e-5)


def test_survives_json_with_sorted_keys() -> None:
    encoder = Encoder.fit(TRAIN, SPEC, value_bins=3)
    again = Encoder.from_dict(SPEC, json.loads(json.dumps(encoder.to_dict(), sort_keys=True)))
    for before, after in zip(
        vars(encoder.encode(TRAIN)).values(), vars(again.encode(TRAIN)).values(), strict=True
    ):
        np.testing.assert_array_equal(before, after)
