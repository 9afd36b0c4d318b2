"""What a study leaves of its rows: which ones, how many, with which history."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jobs.evaluation.study_rows import StudyRows, cut_history, cut_spec, hold_out, in_order, shares_of, thin
from m2m import FeatureSpec, Samples
from m2m.dense import window_sums

SPEC = FeatureSpec(("logins",), ("spend", "views"), ("scenario_id",), ("spend",), 20, 7, (1, 3, 7, 14))


def samples(rows: int = 4000, seed: int = 0) -> Samples:
    generator = np.random.default_rng(seed)
    sequences = generator.poisson(2.0, size=(rows, 3, 20)).astype(np.float32)
    scenario = generator.choice(["feed", "search", "shop"], size=rows, p=[0.6, 0.39, 0.01])
    keys = {
        "advertiser_id": np.array([f"a{row // 2}" for row in range(rows)]),
        "scenario_id": scenario,
        "ds": np.array([f"2026-03-{1 + row % 28:02d}" for row in range(rows)]),
    }
    return Samples(
        sequences=sequences,
        advertiser_window_sums=window_sums(sequences, SPEC.windows_days),
        weekday=np.zeros(rows, dtype=np.int64),
        knowledge={"scenario_id": scenario},
        labels=generator.poisson(1.0, size=(rows, 1)).astype(np.float64),
        keys=keys,
    )


def test_a_shorter_history_is_the_newest_days_and_the_windows_within_them() -> None:
    whole = samples(50)
    cut = cut_history(whole, 7, SPEC)
    assert cut_spec(SPEC, 7).windows_days == (1, 3, 7)
    cut.check_against(cut_spec(SPEC, 7), labels=True)
    np.testing.assert_array_equal(cut.sequences, whole.sequences[:, :, 13:])
    np.testing.assert_array_equal(
        cut.advertiser_window_sums, window_sums(whole.sequences[:, :, 13:], (1, 3, 7))
    )
    with pytest.raises(ValueError, match="20 days, expected at least 21"):
        cut_history(whole, 21, SPEC)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2, 1.0])
def test_a_scenario_is_held_out_but_for_a_share_of_its_advertisers(share: float) -> None:
    keys = samples(20_000).keys
    kept = hold_out(keys, "feed", share)
    ours = keys["scenario_id"] == "feed"
    assert kept[~ours].all()
    assert kept[ours].mean() == pytest.approx(share, abs=0.01)
    of_advertiser = dict(zip(keys["advertiser_id"][ours], kept[ours], strict=True))
    assert all(of_advertiser[a] == k for a, k in zip(keys["advertiser_id"][ours], kept[ours], strict=True))


def test_advertisers_of_a_smaller_share_are_among_those_of_a_larger_one() -> None:
    keys = samples().keys
    kept = [hold_out(keys, "feed", share) for share in (0.0, 0.01, 0.05, 0.2, 1.0)]
    for smaller, larger in pairwise(kept):
        assert not (smaller & ~larger).any() and larger.sum() > smaller.sum()


def test_test_rows_are_never_held_out() -> None:
    study = StudyRows((), 20, "feed", 0.0)
    rows = samples(200)
    assert len(study.seen(rows, "test", SPEC)) == 200
    for part in ("train", "valid"):
        assert "feed" not in study.seen(rows, part, SPEC).knowledge["scenario_id"]


def test_rows_are_spread_over_the_scenarios_as_evenly_as_they_allow() -> None:
    rows = {"feed": 6000, "search": 3900, "shop": 100}
    shares = dict(shares_of(rows, 3000))
    kept = {name: round(rows[name] * share) for name, share in shares.items()}
    assert kept == {"shop": 100, "search": 1450, "feed": 1450}
    assert dict(shares_of(rows, 50_000)) == dict.fromkeys(rows, 1.0)


def test_thinning_goes_by_the_key_alone() -> None:
    rows = samples()
    kept = thin(rows.keys, {"feed": 0.25, "search": 0.0})
    share = {name: kept[rows.keys["scenario_id"] == name].mean() for name in ("feed", "search", "shop")}
    assert share["feed"] == pytest.approx(0.25, abs=0.03)
    assert (share["search"], share["shop"]) == (0.0, 1.0)
    order = np.random.default_rng(3).permutation(len(rows))
    shuffled = rows.take(order)
    np.testing.assert_array_equal(thin(shuffled.keys, {"feed": 0.25, "search": 0.0}), kept[order])


def test_rows_come_in_the_order_of_their_keys() -> None:
    rows = samples(300)
    shuffled = rows.take(np.random.default_rng(3).permutation(300))
    ordered = in_order(shuffled)
    np.testing.assert_array_equal(ordered.sequences, in_order(rows).sequences)
    keys = list(zip(*(ordered.keys[name] for name in ("ds", "advertiser_id", "scenario_id")), strict=True))
    assert keys == sorted(keys)
