from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from m2m.dense import window_sums
from m2m.week_shares import by_week, share_out, window_days


def test_weeks_by_hand() -> None:
    days = np.arange(1.0, 18.0).reshape(1, 1, 17)  # oldest first: the newest day is 17
    # 17 + ... + 11, 10 + ... + 4, and the three oldest days
    assert by_week(days).tolist() == [[[98.0, 49.0, 6.0]]]


def test_a_window_goes_to_the_weeks_of_its_days_by_hand() -> None:
    daily = np.zeros((1, 1, 14))
    daily[0, 0, [3, 8, 13]] = [6.0, 1.0, 3.0]  # ages 10, 5, 0
    # The last day alone, ten days (3 + 1 in week 0, nothing in week 1), and all fourteen (4 and 6 of 10).
    found = share_out(np.array([[[1.0], [20.0], [-10.0]]]), daily, (1, 10, 14))
    np.testing.assert_allclose(found, [[[1.0 + 20.0 - 4.0, -6.0]]])


def test_an_empty_window_is_shared_evenly_over_its_days() -> None:
    daily = np.zeros((1, 1, 14))
    np.testing.assert_allclose(share_out(np.array([[[10.0]]]), daily, (10,)), [[[7.0, 3.0]]])
    # What is missing, negative or infinite counts as 0, as in the window sums themselves.
    daily[0, 0, :4] = [np.nan, -1.0, np.inf, -np.inf]
    np.testing.assert_allclose(share_out(np.array([[[14.0]]]), daily, (40,)), [[[7.0, 7.0]]])


def test_what_windows_add_is_spread_over_the_days_they_add_by_hand() -> None:
    sums = np.array([[[2.0], [8.0], [8.0], [99.0]]])  # the last newest day, 3, 5 and all of 5 days again
    assert window_days(sums, (1, 3, 5, 9), 5).tolist() == [[[0.0, 0.0, 3.0, 3.0, 2.0]]]
    # A shorter window above a longer one (columns that can fall) adds nothing.
    assert window_days(np.array([[[5.0], [1.0]]]), (1, 3), 3).tolist() == [[[0.0, 0.0, 5.0]]]


@given(
    arrays(np.float64, (2, 3, 17), elements=st.integers(0, 4)),
    arrays(np.float64, (2, 4, 3), elements=st.floats(-5, 5)),
)
def test_nothing_is_lost_and_days_fit_their_sums(daily: np.ndarray, windows: np.ndarray) -> None:
    lengths = (1, 5, 14, 40)
    shared = share_out(windows, daily, lengths)
    np.testing.assert_allclose(shared.sum(axis=2), windows.sum(axis=1), atol=1e-12)
    sums = window_sums(daily.astype(np.float32), lengths)
    again = window_days(sums.reshape(2, 4, 3), lengths, 17)
    np.testing.assert_allclose(window_sums(again.astype(np.float32), lengths), sums, rtol=1e-5)
