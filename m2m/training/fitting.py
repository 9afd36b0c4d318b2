"""The pass over the training rows before training: encoder, task scales, days.

Letters: N rows, m tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from m2m.config import ModelConfig, TrainingConfig
from m2m.encoder import Encoder, EncoderFit
from m2m.losses import task_scales
from m2m.recalibration import Recalibration
from m2m.recent_days import NOTHING_RECENT, RecentDays
from m2m.samples import Samples
from m2m.sources import SampleSource
from m2m.spec import FeatureSpec
from m2m.training.ranks import Ranks
from m2m.window_forecasts import persistence


@dataclass(frozen=True)
class Fitted:
    """encoder; scales [m]: training mean of each task; recalibration: which tasks are whole, how busy the busiest row
    was; rows: training rows; days: "first", "last", "count" when the rows carry `ds`."""

    encoder: Encoder
    scales: npt.NDArray[np.float64]
    recalibration: Recalibration
    rows: int
    days: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON; numbers survive exactly."""
        plain = {"encoder": self.encoder.to_dict(), "scales": self.scales.tolist()}
        recalibration = self.recalibration.to_dict()
        return {**plain, "recalibration": recalibration, "rows": self.rows, "days": self.days}

    @classmethod
    def from_dict(cls, spec: FeatureSpec, plain: dict[str, Any]) -> Fitted:
        """The inverse of `to_dict`."""
        encoder = Encoder.from_dict(spec, plain["encoder"])
        recalibration = Recalibration.from_dict(plain["recalibration"])
        return cls(encoder, np.asarray(plain["scales"]), recalibration, plain["rows"], plain["days"])


class _Gathered:
    """What one process found in its pieces."""

    def __init__(self, spec: FeatureSpec, training: TrainingConfig) -> None:
        self.encoder = EncoderFit(spec, seed=training.seed)
        self.rows = 0
        self.labels: npt.NDArray[np.float64] = np.zeros(len(spec.tasks))
        self.whole = set(spec.tasks)
        self.knows_past = set(spec.tasks) <= set(spec.task_columns)
        self.largest: npt.NDArray[np.float64] = np.zeros(len(spec.tasks))
        self.days: set[str] = set()

    def add(self, samples: Samples, piece: int) -> None:
        spec = self.encoder.spec
        labels = samples.checked_labels(spec)
        self.encoder.add(samples, piece)
        self.rows += len(samples)
        self.labels += labels.sum(axis=0)
        self.whole &= set(Recalibration.of_labels(labels, spec.tasks).whole_tasks)
        if self.knows_past:
            busiest = persistence(samples, spec).max(axis=0, initial=0.0)
            self.largest = np.maximum(self.largest, busiest)
        if "ds" in samples.keys:
            self.days.update(np.unique(samples.keys["ds"].astype(str)).tolist())

    def merge(self, other: _Gathered) -> None:
        self.encoder.merge(other.encoder)
        self.rows += other.rows
        self.labels += other.labels
        self.whole &= other.whole
        self.largest = np.maximum(self.largest, other.largest)
        self.days |= other.days


def fit_rows(
    source: SampleSource,
    pieces: Sequence[int],
    spec: FeatureSpec,
    config: ModelConfig,
    training: TrainingConfig,
    ranks: Ranks,
) -> Fitted:
    """Read every piece once. `pieces`: those of this process; the result is the same in all of them.

    Raises ValueError when rows do not carry what `spec` names, or when there is none.
    """
    mine = _Gathered(spec, training)
    with tqdm(pieces, desc="reading", unit="piece", disable=not training.progress or ranks.rank > 0) as bar:
        for piece in bar:
            mine.add(source.read(piece), piece)
    found, *others = ranks.gather(mine)
    for other in others:
        found.merge(other)
    if not found.rows:
        raise ValueError("there are no training rows, expected at least one")
    encoder = found.encoder.encoder(config.value_bins, training.min_category_rows)
    scales = task_scales(found.labels / found.rows)
    whole = tuple(task for task in spec.tasks if task in found.whole)
    recent = RecentDays(tuple(found.largest.tolist())) if found.knows_past else NOTHING_RECENT
    return Fitted(encoder, scales, Recalibration(whole, recent=recent), found.rows, _span(sorted(found.days)))


def _span(days: list[str]) -> dict[str, Any]:
    return {"first": days[0], "last": days[-1], "count": len(days)} if days else {}
