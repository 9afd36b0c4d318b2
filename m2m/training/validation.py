"""Validation of the current weights on rows read piece by piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from m2m.encoder import Encoder
from m2m.metrics import CellTotals
from m2m.model import M2M
from m2m.scorer import predict_raw
from m2m.sources import SampleSource
from m2m.training.ranks import Ranks
from m2m.weight_store import WeightStore

_ROWS_AT_ONCE = 4096
_WEIGHT_BYTES = 256 * 2**20


def validate(
    model: M2M,
    encoder: Encoder,
    scales: npt.NDArray[np.float64],
    source: SampleSource,
    pieces: Sequence[int],
    ranks: Ranks,
) -> CellTotals:
    """Sums behind NMAE and SMAPE of all validation rows. `pieces`: those of this process; scales: [m]."""
    spec, mine = encoder.spec, CellTotals(encoder.spec.tasks)
    with torch.inference_mode():
        store = WeightStore(model, len(spec.knowledge), _WEIGHT_BYTES)
        for piece in pieces:
            samples = source.read(piece)
            raw = predict_raw(model, encoder, samples, _ROWS_AT_ONCE, store)
            if samples.labels is not None:
                point = model.head.forecast(raw, scales, spec).point
                mine.add(samples.labels, point, samples.knowledge[spec.scenario_column])
    found, *others = ranks.gather(mine)
    for other in others:
        found.merge(other)
    return found
