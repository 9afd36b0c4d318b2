"""Days to weeks, and window sums shared out over the weeks they cover; used by explanations.

Letters: N rows, F sequence columns, T days (oldest first), W window lengths, V weeks.

Week 0 is the newest seven days; the oldest week may be shorter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
_WEEK = 7


def by_week(days: Values) -> Values:
    """Sums over the days of each week. days: [N, F, T]. Returns [N, F, V]."""
    rows, columns, length = days.shape
    weeks = -(-length // _WEEK)
    padded = np.zeros((rows, columns, weeks * _WEEK))
    padded[:, :, :length] = days[:, :, ::-1]
    return np.asarray(padded.reshape(rows, columns, weeks, _WEEK).sum(axis=3))


def share_out(windows: Values, daily: npt.NDArray[np.floating], windows_days: Sequence[int]) -> Values:
    """What each window sum stands for, given to the weeks of its days in proportion to `daily`; evenly over its days
    when all of them are 0. windows: [N, W, F]; daily: [N, F, T], where anything but a positive number counts as 0.
    Returns [N, F, V]; its sum over V is that of `windows` over W."""
    clean = _positive(daily)
    days = np.zeros(daily.shape)
    for index, window in enumerate(windows_days):
        reach = min(window, daily.shape[2])
        part = clean[:, :, -reach:]
        total = part.sum(axis=2, keepdims=True)
        share = np.divide(part, total, out=np.full(part.shape, 1 / reach), where=total > 0)
        days[:, :, -reach:] += windows[:, index, :, None] * share
    return by_week(days)


def window_days(sums: npt.NDArray[np.floating], windows_days: Sequence[int], days: int) -> Values:
    """Daily values that fit window sums [N, W, F]: what a window adds to the next shorter one, spread evenly over the
    days it adds. Returns [N, F, T]."""
    clean, done = _positive(sums), 0
    daily = np.zeros((sums.shape[0], sums.shape[2], days))
    shorter = np.zeros((sums.shape[0], sums.shape[2]))
    for index, window in enumerate(windows_days):
        reach = min(window, days)
        if reach > done:
            added = np.maximum(clean[:, index] - shorter, 0.0) / (reach - done)
            daily[:, :, days - reach : days - done] = added[:, :, None]
            shorter, done = clean[:, index], reach
    return daily


def _positive(values: npt.NDArray[np.floating]) -> Values:
    clean = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    return np.maximum(clean, 0.0)
