"""Forecasts of validation rows read piece by piece: metrics, and what is learned about intervals and estimates.

Letters: N rows of a piece, m tasks, W window lengths, o numbers the head reads per row and task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from m2m.metrics import CellTotals
from m2m.network import Network
from m2m.point_estimate import Names, Values, fitted_scale
from m2m.recalibration import Recalibration
from m2m.recent_days import NOTHING_RECENT
from m2m.samples import Samples
from m2m.scorer import predict_raw
from m2m.sources import SampleSource, count_rows
from m2m.training.fitting import Fitted
from m2m.training.ranks import Ranks
from m2m.weight_store import WeightStore
from m2m.window_forecasts import every_window

Raw = npt.NDArray[np.float32]
_ROWS_AT_ONCE = 4096
_WEIGHT_BYTES = 256 * 2**20
# Enough rows to find one number, and few enough to forecast at once: some 2 kB each.
_RECALIBRATION_ROWS = 50_000


def validate(
    model: Network, fitted: Fitted, source: SampleSource, pieces: Sequence[int], ranks: Ranks
) -> CellTotals:
    """Sums behind NMAE and SMAPE of all validation rows. `pieces`: those of this process."""
    spec = fitted.encoder.spec
    mine = CellTotals(spec.tasks)
    for samples, raw in _forecasts(model, fitted, source, pieces):
        point = model.head.forecast(raw, fitted.scales, spec, fitted.recalibration).point
        mine.add(samples.checked_labels(spec), point, samples.knowledge[spec.scenario_column])
    found, *others = ranks.gather(mine)
    for other in others:
        found.merge(other)
    return found


def recalibrate(
    model: Network, fitted: Fitted, source: SampleSource, pieces: Sequence[int], ranks: Ranks
) -> Recalibration:
    """The recalibration that the validation rows ask for; of many rows, an even choice of pieces is enough."""
    rows = _gathered(model, fitted, source, pieces, ranks)
    if rows is None:
        return fitted.recalibration
    spec, head, scales = fitted.encoder.spec, model.head, fitted.scales
    found = fitted.recalibration.fitted(
        lambda tried: head.forecast(rows.raw, scales, spec, tried), rows.labels
    )
    whole = found.is_whole(spec.tasks)
    # Without whole tasks the median comes as it is, to be scaled before it is rounded.
    median = head.forecast(rows.raw, scales, spec).median
    if median is None:  # the only estimate is a mean, and is to stay one
        return replace(found, recent=NOTHING_RECENT)
    found = replace(found, point_scale=fitted_scale(median, rows.labels, rows.scenario, whole))
    if not found.recent.largest:
        return found
    point = head.point(rows.raw, scales, spec, found)
    recent = found.recent.fitted(point, rows.windows, rows.labels, rows.scenario, spec, whole)
    return replace(found, recent=recent)


class _Rows(NamedTuple):
    """Forecast validation rows. raw: [N, m, o]; labels: [N, m]; scenario: text [N]; windows: `every_window` of them,
    [N, W, m], W = 0 where the past of a task is unknown."""

    raw: Raw
    labels: Values
    scenario: Names
    windows: Values


def _gathered(
    model: Network, fitted: Fitted, source: SampleSource, pieces: Sequence[int], ranks: Ranks
) -> _Rows | None:
    """Rows of all processes, None without any."""
    every = -(-count_rows(source) // _RECALIBRATION_ROWS)
    chosen = [piece for piece in pieces if piece % every == 0]
    spec = fitted.encoder.spec
    known = bool(fitted.recalibration.recent.largest)
    mine = []
    for samples, raw in _forecasts(model, fitted, source, chosen):
        windows = every_window(samples, spec) if known else np.zeros((len(samples), 0, len(spec.tasks)))
        scenario = samples.knowledge[spec.scenario_column]
        mine.append(_Rows(raw, samples.checked_labels(spec), scenario, windows))
    parts = [part for found in ranks.gather(mine) for part in found]
    return _Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))) if parts else None


def _forecasts(
    model: Network, fitted: Fitted, source: SampleSource, pieces: Sequence[int]
) -> Iterator[tuple[Samples, Raw]]:
    """Each piece with the head's numbers [N, m, o]."""
    # Not around `yield`: whoever asks for the next piece is not to be in inference mode.
    with torch.inference_mode():
        store = WeightStore(model, len(fitted.encoder.spec.knowledge), _WEIGHT_BYTES)
    for piece in pieces:
        samples = source.read(piece)
        with torch.inference_mode():
            raw = predict_raw(model, fitted.encoder, samples, _ROWS_AT_ONCE, store)
        yield samples, raw
