"""Where the past of each task stands in the sequences."""

from __future__ import annotations

import numpy as np

from jobs.common.model_inputs import feature_spec
from jobs.common.settings import Settings
from m2m import Samples
from m2m.window_forecasts import persistence


def test_the_last_week_is_summed_and_its_active_days_counted(settings: Settings) -> None:
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
    assert persistence(samples, feature_spec(settings)).tolist() == [[70.0, 0.0, 6.5, 0.0, 2.0]]
