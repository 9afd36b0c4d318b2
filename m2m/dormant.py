"""Rows without any activity, of which many are alike: each distinct one is computed once.

Letters: N rows, U distinct rows.
"""

from __future__ import annotations

import numpy as np

from m2m.groups import Ints
from m2m.samples import Samples


def distinct_rows(samples: Samples, code: Ints) -> tuple[Ints, Ints] | None:
    """Which rows to compute [U], in ascending order, and at which place of these each row's result stands [N].

    Rows whose sequences are all zero are the same input when they agree in the advertiser's window sums, the weekday
    and `code` [N], the number of the knowledge row; other rows are taken to differ. None when no row repeats another.
    """
    rows = len(samples)
    quiet = np.flatnonzero(~samples.sequences.any(axis=(1, 2)))
    if len(quiet) < 2:
        return None
    sums = samples.advertiser_window_sums[quiet].view(np.int32).astype(np.int64)
    key = np.column_stack([sums, code[quiet], samples.weekday[quiet]])
    _, first, same = np.unique(key, axis=0, return_index=True, return_inverse=True)
    if len(first) == len(quiet):
        return None
    stands_for = np.arange(rows)
    stands_for[quiet] = quiet[first[same]]
    computed, place = np.unique(stands_for, return_inverse=True)
    return computed, place
