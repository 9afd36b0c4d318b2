"""Predictions of a bundle for any number of rows in any order.

Dormant rows (nothing in their sequences) repeat each other; each distinct one is computed once.

Letters: N rows, m tasks, o numbers the head reads per row and task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from m2m.bundle import Bundle
from m2m.dormant import distinct_rows
from m2m.encoder import Encoder
from m2m.forecast import Forecast, Values
from m2m.groups import Groups, Ints
from m2m.network import Network
from m2m.precision import model_for
from m2m.samples import Samples
from m2m.weight_store import WeightStore


class Scorer:
    """Scores samples with bounded memory; generated weights are kept from call to call."""

    def __init__(
        self,
        bundle: Bundle,
        max_rows: int = 4096,
        max_weight_bytes: int = 256 * 2**20,
        precision: str = "float32",
        device: str = "cpu",
    ) -> None:
        """max_rows: rows in one forward pass (`rows_of_a_pass` says how many fit). max_weight_bytes: bound on the
        generated weights that are kept. device: "cpu" or "cuda". precision: "float32", or "bfloat16" where `device`
        multiplies it natively (1.7 times as fast for `paper`, hardly faster for `base`; scores change by a thousandth
        on average, a few hundredths at most).
        Raises ValueError when the device is not there or does not multiply that precision."""
        if max_rows < 1:
            raise ValueError(f"max_rows is {max_rows}, expected at least 1")
        self.bundle, self.max_rows = bundle, max_rows
        self.model = model_for(bundle.model, precision, device)
        with torch.inference_mode():
            columns = len(bundle.spec.knowledge)
            self.store = WeightStore(self.model, columns, max_weight_bytes)

    def predict(self, samples: Samples, with_point: bool = False) -> Forecast:
        """What the next days bring, in the tasks' own units and the order of `samples`; `with_point` with the point
        estimate, which takes some 4 us a row more (`base` takes 31 without).

        A row's forecast does not depend on the other rows. Raises ValueError when columns are missing, ForecastError
        when a forecast is not finite.
        """
        bundle = self.bundle
        samples.check_against(bundle.spec)
        with torch.inference_mode():
            raw = predict_raw(self.model, bundle.encoder, samples, self.max_rows, self.store)
        forecast = bundle.model.head.forecast(raw, bundle.task_scales, bundle.spec, bundle.recalibration)
        return replace(forecast, point_estimate=self._point(samples, raw)) if with_point else forecast

    def _point(self, samples: Samples, raw: npt.NDArray[np.float32]) -> Values:
        spec, known = self.bundle.spec, self.bundle.recalibration
        point = self.bundle.model.head.point(raw, self.bundle.task_scales, spec, known)
        return known.recent.apply(point, samples, spec, known.is_whole(spec.tasks))


def predict_raw(
    model: Network, encoder: Encoder, samples: Samples, max_rows: int, store: WeightStore
) -> npt.NDArray[np.float32]:
    """The head's numbers [N, m, o] of all rows."""
    code = encoder.vocabulary.code(encoder.vocabulary.transform(samples.knowledge))
    distinct = distinct_rows(samples, code)
    if distinct is None:
        return _in_passes(model, encoder, samples, code, max_rows, store)
    computed, place = distinct
    raw = _in_passes(model, encoder, samples.take(computed), code[computed], max_rows, store)
    return raw[place]


def _in_passes(
    model: Network, encoder: Encoder, samples: Samples, code: Ints, max_rows: int, store: WeightStore
) -> npt.NDArray[np.float32]:
    """`predict_raw`, sorted inside by knowledge row and cut into passes of at most `max_rows` rows."""
    raw = np.empty((len(samples), *model.head_bias.shape), dtype=np.float32)
    order = np.argsort(code, kind="stable")
    for part in passes(code[order], max_rows, store.slots):
        rows = order[part]
        raw[rows] = _one_pass(model, encoder, samples.take(rows), store).cpu().numpy()
    return raw


def _one_pass(model: Network, encoder: Encoder, samples: Samples, store: WeightStore) -> Tensor:
    encoded = encoder.encode(samples)
    groups = Groups.build(encoded.code, encoded.knowledge).to(store.device)
    renumbered, scenario, weights = store.weights_for(groups, np.unique(encoded.code))
    bins = torch.from_numpy(encoded.bins).to(store.device)
    dense = torch.from_numpy(encoded.dense).to(store.device)
    return model.forward_with(bins, dense, renumbered, scenario, weights)


def passes(code: Ints, max_rows: int, max_groups: int) -> Iterator[slice]:
    """Cuts of the sorted `code` [N] into passes of at most `max_rows` rows and `max_groups` distinct
    codes."""
    group = np.cumsum(np.diff(code, prepend=code[:1]) != 0)
    start = 0
    while start < len(code):
        by_groups = int(np.searchsorted(group, group[start] + max_groups, side="left"))
        stop = min(start + max_rows, by_groups)
        yield slice(start, stop)
        start = stop
