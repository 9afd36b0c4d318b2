"""Keys and labels of a part's rows, in the order in which units predict them.

Letters: N rows, m tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobs.common.sample_source import DeltaSamples


@dataclass(frozen=True)
class LabelledKeys:
    """advertiser, scenario, ds: text [N]. labels: [N, m]."""

    advertiser: NDArray[np.str_]
    scenario: NDArray[np.str_]
    ds: NDArray[np.str_]
    labels: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def read(cls, part: DeltaSamples) -> LabelledKeys:
        """Of all rows of a part; nothing else of them is read."""
        pieces = range(len(part.piece_rows))
        keys = [part.keys(piece) for piece in pieces]
        names = ("advertiser_id", "scenario_id", "ds")
        advertiser, scenario, ds = (np.concatenate([found[name] for found in keys]) for name in names)
        return cls(advertiser, scenario, ds, np.concatenate([part.labels(piece) for piece in pieces]))
