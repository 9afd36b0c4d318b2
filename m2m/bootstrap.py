"""How sure a difference between two forecasts is: the paired bootstrap over clusters (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13: percentile intervals).

Rows of one advertiser go up and down together, so whole advertisers are drawn, with all their scenarios and days.

Letters: N rows, m tasks, S scenarios, C clusters (advertisers), B draws, K seeds. A cell is one task in one scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
# Numbers in a block of draws' counts [draws, C]: 32 MB.
_BLOCK = 4_000_000


class Difference(NamedTuple):
    """Overall NMAE of theirs minus that of ours: above 0, ours is better.

    difference: on the data as they are. low, high: 95 % percentile interval over the draws. share_above: share of the
    draws above 0. All NaN when no label is above 0.
    """

    difference: float
    low: float
    high: float
    share_above: float


def paired_bootstrap(
    actual: Values,
    ours: Values,
    theirs: Values,
    scenario: npt.NDArray[np.str_],
    cluster: npt.NDArray[Any],
    tasks: Sequence[str],
    draws: int = 1000,
    seed: int = 7,
    only: str | None = None,
) -> Difference:
    """Resample clusters with replacement, the same ones for both forecasts.

    actual: [N, m]. ours, theirs: [N, m], or [K, N, m] of K seeds each, whose NMAE is then averaged. scenario, cluster:
    [N]. only: a scenario whose cells alone count. NMAE is the unweighted mean over the cells whose labels sum to more
    than 0; a draw in which such a cell is empty leaves the cell out. Order of rows is of no account beyond rounding.
    Raises ValueError when the arrays do not fit each other, `draws` is below 1 or `only` is not there.
    """
    _check(actual, ours, theirs, scenario, cluster, tasks)
    if draws < 1:
        raise ValueError(f"draws is {draws}, expected at least 1")
    names, place = np.unique(scenario, return_inverse=True)
    if only is not None and only not in names:
        raise ValueError(f"scenario {only!r} is not there, expected one of {names.tolist()}")
    clusters, drawn = np.unique(cluster, return_inverse=True)
    parts = [_errors(actual, theirs), _errors(actual, ours), np.asarray(actual, dtype=np.float64)]
    sums = np.stack([_cell_sums(part, place, drawn, len(names), len(clusters)) for part in parts])
    if only is not None:
        sums = sums[:, :, [int(np.searchsorted(names, only))]]
    return _difference(sums.reshape(3, len(clusters), -1), draws, seed)


def resampled(clusters: int, draws: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """How often each of `clusters` is in each draw, [C] a draw; every draw takes C of them with replacement."""
    generator = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(generator.integers(clusters, size=clusters), minlength=clusters)


def _difference(sums: Values, draws: int, seed: int) -> Difference:
    """sums: [3, C, cells] of their errors, our errors and the labels."""
    sums = sums[:, :, sums[2].sum(axis=0) > 0]
    clusters, cells = sums.shape[1:]
    if not cells:
        return Difference(*[float("nan")] * 4)
    flat = np.concatenate([sums[0] - sums[1], sums[2]], axis=1)
    found = np.concatenate([_means(counts @ flat) for counts in _blocks(clusters, draws, seed)])
    # A draw may hold no label at all; it says nothing.
    found = found[np.isfinite(found)]
    low, high = np.percentile(found, [2.5, 97.5]) if len(found) else (np.nan, np.nan)
    above = float(np.mean(found > 0)) if len(found) else float("nan")
    return Difference(float(_means(flat.sum(axis=0)[None])[0]), float(low), float(high), above)


def _blocks(clusters: int, draws: int, seed: int) -> Iterator[Values]:
    """The draws as counts [at most _BLOCK / C, C]."""
    size, block = max(1, _BLOCK // clusters), list[npt.NDArray[np.int64]]()
    for counts in resampled(clusters, draws, seed):
        block.append(counts)
        if len(block) == size:
            yield np.asarray(block, dtype=np.float64)
            block = []
    if block:
        yield np.asarray(block, dtype=np.float64)


def _means(sums: Values) -> Values:
    """[B, 2 * cells], differences of errors then labels, to the mean over cells with labels [B]; NaN without any."""
    errors, labels = np.split(sums, 2, axis=1)
    there = labels > 0
    shares = np.divide(errors, labels, out=np.zeros_like(errors), where=there)
    cells = there.sum(axis=1)
    return np.where(cells > 0, shares.sum(axis=1) / np.maximum(cells, 1), np.nan)


def _errors(actual: Values, predicted: Values) -> Values:
    """|p - y| [N, m], averaged over seeds."""
    if predicted.ndim == 2:
        return np.abs(predicted - actual)
    return np.asarray(sum(np.abs(one - actual) for one in predicted) / len(predicted))


def _cell_sums(values: Values, place: Any, drawn: Any, scenarios: int, clusters: int) -> Values:
    """Sums of `values` [N, m] by cluster and cell, [C, S, m]."""
    at = drawn * scenarios + place
    sums = np.zeros((clusters * scenarios, values.shape[1]))
    for task, column in enumerate(values.T):
        sums[:, task] = np.bincount(at, weights=column, minlength=len(sums))
    return sums.reshape(clusters, scenarios, -1)


def _check(actual: Values, ours: Values, theirs: Values, scenario: Any, cluster: Any, tasks: Any) -> None:
    expected = (len(scenario), len(tasks))
    if not len(scenario) or len(cluster) != len(scenario):
        raise ValueError(
            f"{len(scenario)} scenarios and {len(cluster)} clusters, expected one of each per row"
        )
    for name, values in {"labels": actual, "ours": ours, "theirs": theirs}.items():
        seeds = values.ndim == 3 and len(values) > 0 and name != "labels"
        if values.shape[-2:] != expected or not (values.ndim == 2 or seeds):
            raise ValueError(f"{name} are {values.shape}, expected {expected} (rows, tasks)")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} hold values that are not finite, expected finite ones")
