"""Which features and which weeks moved a prediction: integrated gradients over the embedded inputs.

Letters: N rows, B rows of a pass, S steps, T days, F sequence columns, e = d_input, X width of an embedded day,
W window lengths, D dense features, V weeks (T / 7, rounded up), m tasks, o numbers the head reads per row and task.

Integrated gradients (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017) go in a straight
line from a baseline to the row and share out the difference of the two predictions. The baseline is the same pair
gone dormant: all sequences and window sums zero, never active in the T days, on the same weekday and with the same
scenario knowledge. So an attribution answers "what keeps this pair from looking dormant, and what pulls it there".

Not part of `import m2m`, because captum brings matplotlib: `from m2m.explain import Explainer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from m2m.bundle import Bundle
from m2m.encoder import Encoded
from m2m.groups import Groups, Ints
from m2m.meta_weights import MetaWeights
from m2m.samples import Samples
from m2m.scorer import passes
from m2m.spec import FeatureSpec
from m2m.week_shares import by_week, share_out, window_days

Values = npt.NDArray[np.float64]
RECENCY = "days_since_active"
_FEWEST_STEPS = 8
# Generated weights of a pass are kept while it is differentiated; `paper` needs 16 MB a knowledge row.
_GROUPS_IN_A_PASS = 16


class Reason(NamedTuple):
    """One part of an explanation: a sequence column in one week (0 = the newest seven days), or
    `days_since_active` without a week; effect: on the prediction, in the task's own unit."""

    feature: str
    week: int | None
    effect: float


@dataclass(frozen=True)
class Explanation:
    """Attributions of one task's predictions, float64, in the task's own unit. Week 0 is the newest seven days, the
    last week may be shorter.

    prediction, baseline: expected total [N] of the row and of the dormant row, before any clipping.
    sequences: what the daily sequences did, [N, F, V]. pair_windows, advertiser_windows: what the log window sums of
    the pair and of the advertiser over all scenarios did, [N, W, F]. recency: what the days since the pair was last
    active did, [N]. windows_by_week: both kinds of window sums, shared out over the weeks they cover, [N, F, V].
    """

    spec: FeatureSpec
    task: str
    prediction: Values
    baseline: Values
    sequences: Values
    pair_windows: Values
    advertiser_windows: Values
    recency: Values
    windows_by_week: Values

    def __len__(self) -> int:
        return len(self.prediction)

    @property
    def error(self) -> Values:
        """What the attributions miss of prediction - baseline [N] (completeness): 0 with ever more steps."""
        windows = self.pair_windows.sum(axis=(1, 2)) + self.advertiser_windows.sum(axis=(1, 2))
        explained = self.sequences.sum(axis=(1, 2)) + windows + self.recency
        return np.asarray(self.prediction - self.baseline - explained)

    def by_feature_week(self) -> Values:
        """Sequences and window sums together [N, F, V]; with `recency` they sum to prediction - baseline - error.

        A window sum's attribution goes to the days of the window: the pair's in proportion to the row's own daily
        values, the advertiser's in proportion to what each window adds to the next shorter one (evenly over the
        days added); evenly over the whole window when it is empty.
        """
        return self.sequences + self.windows_by_week

    def top(self, row: int, count: int = 5) -> list[Reason]:
        """The `count` largest effects of one row, by size, of either sign. Raises ValueError on a row that is not
        there."""
        if not 0 <= row < len(self):
            raise ValueError(f"row is {row}, expected 0 to {len(self) - 1}")
        effects = np.append(self.by_feature_week()[row].ravel(), self.recency[row])
        order = np.argsort(-np.abs(effects), kind="stable")[: max(0, count)]
        return [Reason(*self._place(int(place)), float(effects[place])) for place in order]

    def _place(self, place: int) -> tuple[str, int | None]:
        columns, weeks = self.spec.sequence_columns, self.sequences.shape[2]
        column, week = divmod(place, weeks)
        return (columns[column], week) if column < len(columns) else (RECENCY, None)


class Explainer:
    """Explains predictions of a bundle in passes of bounded size; made for the selected few, not for every row."""

    def __init__(self, bundle: Bundle, steps: int = 128, max_rows: int = 2048) -> None:
        """steps: S, midpoints at which the integral is summed; the network has kinks (LeakyReLU), so the error falls
        like 1 / S with any rule. max_rows: rows x steps in one pass. Raises ValueError when steps are too few, or do
        not fit a pass."""
        if steps < _FEWEST_STEPS:
            raise ValueError(f"steps is {steps}, expected at least {_FEWEST_STEPS}")
        if max_rows < steps:
            raise ValueError(f"max_rows is {max_rows}, expected at least {steps}: one row with all its steps")
        self.bundle, self.steps, self.max_rows = bundle, steps, max_rows
        bundle.model.eval()

    def explain(self, samples: Samples, task: str = "active_days") -> Explanation:
        """Attributions of the expected total of `task`, in the order of `samples`. A row's numbers do not depend on
        the other rows. Raises ValueError when the task is unknown or columns are missing."""
        spec = self.bundle.spec
        if task not in spec.tasks:
            raise ValueError(f"task {task!r} is unknown, expected one of {list(spec.tasks)}")
        samples.check_against(spec)
        parts = _Parts.empty(len(samples), self.bundle)
        for rows in self._passes(samples):
            parts.put(rows, self._one_pass(samples.take(rows), spec.tasks.index(task)))
        return parts.explanation(self.bundle, samples, task)

    def _passes(self, samples: Samples) -> Iterator[Ints]:
        vocabulary = self.bundle.encoder.vocabulary
        code = vocabulary.code(vocabulary.transform(samples.knowledge))
        order = np.argsort(code, kind="stable")
        for part in passes(code[order], self.max_rows // self.steps, _GROUPS_IN_A_PASS):
            yield order[part]

    def _one_pass(self, samples: Samples, task: int) -> _Parts:
        encode, model = self.bundle.encoder.encode, self.bundle.model
        encoded = encode(samples)
        with torch.no_grad():
            target = _Target(self.bundle, encoded, task)
            row, dormant = (_inputs(self.bundle, part) for part in (encoded, encode(_dormant(samples))))
            places = torch.arange(len(encoded))
            prediction, baseline = (_numbers(target(*inputs, places)) for inputs in (row, dormant))
        found = IntegratedGradients(target).attribute(
            row, dormant, additional_forward_args=(places,), n_steps=self.steps, method="riemann_middle"
        )
        behaviours, performance, dense = (_numbers(part) for part in found)
        split, size = model.behaviours, self.bundle.model_config.d_input
        days = (
            _by_column(behaviours, split, size),
            _by_column(performance, len(self.bundle.spec.sequence_columns) - split, size),
        )
        return _Parts(prediction, baseline, np.concatenate(days, axis=1), dense)


class _Target:
    """Expected total of one task [B] as a function of the embedded inputs; captum's forward function."""

    def __init__(self, bundle: Bundle, encoded: Encoded, task: int) -> None:
        self.model, self.encoded, self.task = bundle.model, encoded, task
        self.scale = float(bundle.task_scales[task])
        groups = Groups.build(encoded.code, encoded.knowledge)
        self.scenario = self.model.knowledge(groups.knowledge)
        self.weights: MetaWeights = self.model.generate(self.scenario)

    def __call__(self, behaviours: Tensor, performance: Tensor, dense: Tensor, places: Tensor) -> Tensor:
        """Embedded days [B, T, X] of each kind; dense [B, D]; places [B]: which rows of `encoded`. Captum repeats the
        rows for every step, so they are grouped anew; the distinct knowledge rows, and so the weights, stay."""
        index = places.numpy()
        groups = Groups.build(self.encoded.code[index], self.encoded.knowledge[index])
        features = self.model.features(behaviours, performance, dense)
        raw = self.model.from_features(features, groups, self.scenario, self.weights)
        return torch.exp(self.model.head.log_rate(raw)[:, self.task]) * self.scale


@dataclass(frozen=True)
class _Parts:
    """prediction, baseline [N]; days [N, F, T]; dense [N, D]."""

    prediction: Values
    baseline: Values
    days: Values
    dense: Values

    @classmethod
    def empty(cls, rows: int, bundle: Bundle) -> _Parts:
        columns, days = len(bundle.spec.sequence_columns), bundle.spec.history_days
        shapes = [(rows,), (rows,), (rows, columns, days), (rows, bundle.encoder.dense_width)]
        return cls(*(np.empty(shape) for shape in shapes))

    def put(self, rows: Ints, part: _Parts) -> None:
        for whole, piece in zip(vars(self).values(), vars(part).values(), strict=True):
            whole[rows] = piece

    def explanation(self, bundle: Bundle, samples: Samples, task: str) -> Explanation:
        spec = bundle.spec
        shape = (len(samples), len(spec.windows_days), len(spec.sequence_columns))
        width = shape[1] * shape[2]
        # The layout of m2m.dense: pair, advertiser, recency, weekday (the same in row and baseline: 0).
        pair, advertiser = (self.dense[:, at : at + width].reshape(shape) for at in (0, width))
        daily = window_days(
            samples.advertiser_window_sums.reshape(shape), spec.windows_days, spec.history_days
        )
        weeks = share_out(pair, samples.sequences, spec.windows_days)
        weeks += share_out(advertiser, daily, spec.windows_days)
        return Explanation(
            spec, task, self.prediction, self.baseline, by_week(self.days),
            pair, advertiser, self.dense[:, 2 * width].copy(), weeks,
        )  # fmt: skip


def _dormant(samples: Samples) -> Samples:
    """The baseline: the same rows with nothing in any sequence or window."""
    nothing = np.zeros_like(samples.sequences), np.zeros_like(samples.advertiser_window_sums)
    return Samples(*nothing, weekday=samples.weekday, knowledge=samples.knowledge)


def _inputs(bundle: Bundle, encoded: Encoded) -> tuple[Tensor, Tensor, Tensor]:
    behaviours, performance = bundle.model.embed(torch.from_numpy(encoded.bins))
    return behaviours, performance, torch.from_numpy(encoded.dense)


def _numbers(tensor: Tensor) -> Values:
    return np.asarray(tensor.detach().numpy(), dtype=np.float64)


def _by_column(days: Values, columns: int, size: int) -> Values:
    """Attributions of embedded days [B, T, X] by column [B, F, T]: sums over the e = `size` numbers of a value. The
    position behind them is the same in the baseline, so it has none."""
    values = days[:, :, : columns * size].reshape(*days.shape[:2], columns, size)
    return np.asarray(values.sum(axis=3).transpose(0, 2, 1))
