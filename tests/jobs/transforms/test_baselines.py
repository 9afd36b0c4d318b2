"""Persistence: the last week of the sequences again."""

from __future__ import annotations

import numpy as np

from jobs.common.settings import Settings
from jobs.transforms.baselines import persistence
from m2m import Samples


def test_persistence_sums_the_last_week_and_counts_its_active_days(settings: Settings) -> None:
    columns = settings.columns.sequences
    sequences = np.zeros((1, len(columns), settings.history_days), dtype=np.float32)
    sequences[0, columns.index("impressions"), -8:] = 10  # the eighth day back must not count
    sequences[0, columns.index("expenditure"), [-1, -3, -8]] = [2.5, 4.0, 100.0]
    samples = Samples(
        sequences=sequences,
        advertiser_window_sums=np.zeros((1, 54), dtype=np.float32),
        weekday=np.zeros(1, dtype=np.int64),
        knowledge={},
    )
    # impressions, clicks, expenditure, gmv, active_days
    assert persistence(samples, settings).tolist() == [[70.0, 0.0, 6.5, 0.0, 2.0]]
