"""Predictions of a bundle for any number of rows in any order.

Letters: N rows, m tasks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from m2m.bundle import Bundle
from m2m.encoder import Encoder
from m2m.groups import Groups, Ints
from m2m.model import M2M
from m2m.samples import Samples
from m2m.spec import FeatureSpec
from m2m.weight_store import WeightStore

Values = npt.NDArray[np.float64]


class Scorer:
    """Scores samples with bounded memory; generated weights are kept from call to call."""

    def __init__(self, bundle: Bundle, max_rows: int = 4096, max_weight_bytes: int = 256 * 2**20) -> None:
        """max_rows: rows in one forward pass. max_weight_bytes: bound on the generated weights that are
        kept."""
        if max_rows < 1:
            raise ValueError(f"max_rows is {max_rows}, expected at least 1")
        self.bundle, self.max_rows = bundle, max_rows
        bundle.model.eval()
        with torch.inference_mode():
            columns = len(bundle.spec.knowledge)
            self.store = WeightStore(bundle.model, columns, max_weight_bytes)

    def predict(self, samples: Samples) -> Values:
        """Expected totals of the next days, float64 [N, m], in the tasks' own units and the order of
        `samples`.

        A row's prediction does not depend on the other rows. Raises ValueError when columns are missing or a
        prediction is not finite.
        """
        bundle = self.bundle
        samples.check_against(bundle.spec)
        with torch.inference_mode():
            rates = predict_log_rates(bundle.model, bundle.encoder, samples, self.max_rows, self.store)
        return to_task_units(rates, bundle.task_scales, bundle.spec)


def predict_log_rates(
    model: M2M, encoder: Encoder, samples: Samples, max_rows: int, store: WeightStore
) -> npt.NDArray[np.float32]:
    """Log-rates [N, m] of all rows, sorted inside by knowledge row and cut into passes of at most
    `max_rows`."""
    rates = np.empty((len(samples), len(encoder.spec.tasks)), dtype=np.float32)
    vocabulary = encoder.vocabulary
    code = vocabulary.code(vocabulary.transform(samples.knowledge))
    order = np.argsort(code, kind="stable")
    for part in passes(code[order], max_rows, store.slots):
        rows = order[part]
        rates[rows] = _one_pass(model, encoder, samples.take(rows), store).numpy()
    return rates


def _one_pass(model: M2M, encoder: Encoder, samples: Samples, store: WeightStore) -> Tensor:
    encoded = encoder.encode(samples)
    groups = Groups.build(encoded.code, encoded.knowledge)
    renumbered, scenario, weights = store.weights_for(groups, np.unique(encoded.code))
    bins, dense = torch.from_numpy(encoded.bins), torch.from_numpy(encoded.dense)
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


def to_task_units(log_rates: npt.NDArray[np.float32], scales: Values, spec: FeatureSpec) -> Values:
    """exp(log-rate) * training mean [N, m], bounded tasks clipped. Raises ValueError naming a task that is
    not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.exp(log_rates.astype(np.float64)) * scales
    for column, task in enumerate(spec.tasks):
        bad = int(np.sum(~np.isfinite(values[:, column])))
        if bad:
            raise ValueError(f"{bad} predictions of {task} are not finite, expected numbers from 0 on")
        if task in spec.bounded_tasks:
            np.clip(values[:, column], 0.0, spec.bounded_tasks[task], out=values[:, column])
    return values
