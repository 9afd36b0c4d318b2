"""Gradient boosted trees on window features (Ke et al., "LightGBM", 2017): what many would take first.

One model a task over all scenarios. Objectives for the mean (Poisson, Tweedie) and for the median (L1, of the labels
and of their logarithm) are tried, and of each kind the one of least validation NMAE is kept.

Letters: N rows, m tasks, D window features (`m2m.compared.window_features`).

Not part of `import m2m`, because LightGBM brings pandas: `from m2m.compared.window_trees import WindowTrees`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from m2m.compared.window_features import FeatureTable, WindowFeatures
from m2m.forecast import Forecast
from m2m.metrics import cell_weights
from m2m.point_estimate import PointRule
from m2m.samples import Samples
from m2m.sources import SampleSource
from m2m.spec import FeatureSpec

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
MEAN_OBJECTIVES: Mapping[str, Mapping[str, Any]] = {
    "poisson": {"objective": "poisson"},
    "tweedie_1.2": {"objective": "tweedie", "tweedie_variance_power": 1.2},
    "tweedie_1.5": {"objective": "tweedie", "tweedie_variance_power": 1.5},
}
MEDIAN_OBJECTIVES: Mapping[str, Mapping[str, Any]] = {
    "l1": {"objective": "regression_l1"},
    # A median of logarithms is the logarithm of the median.
    "log_l1": {"objective": "regression_l1"},
}
OBJECTIVES = (*MEAN_OBJECTIVES, *MEDIAN_OBJECTIVES)
ROUNDS, PATIENCE = 200, 25
_SETTINGS = {
    "learning_rate": 0.1, "num_leaves": 31, "max_bin": 63, "feature_fraction": 0.3, "bagging_fraction": 0.4,
    "bagging_freq": 1, "deterministic": True, "force_row_wise": True, "metric": "None", "verbosity": -1,
}  # fmt: skip


class _Tree(NamedTuple):
    """A boosted model of one task under one objective; scale: mean label, in units of which `log_l1` learns."""

    objective: str
    booster: lightgbm.Booster | None
    scale: float
    valid_nmae: float

    def predict(self, features: Floats, threads: int) -> Values:
        """[N], from 0 on. A task that was always 0 in training has no booster."""
        if self.booster is None or not len(features):
            return np.zeros(len(features))
        raw = self.booster.predict(features, num_threads=threads)
        return _to_units(np.asarray(raw, dtype=np.float64), self.objective, self.scale)

    @property
    def leaves(self) -> int:
        """Leaves of all trees up to the best round."""
        text = "" if self.booster is None else self.booster.model_to_string()
        return sum(int(count) for count in re.findall(r"^num_leaves=(\d+)$", text, re.MULTILINE))


class WindowTrees:
    """Fitted trees: mean of a mean-type objective, median of an L1-type one after the point rule."""

    def __init__(
        self, features: WindowFeatures, mean: Sequence[_Tree], median: Sequence[_Tree], threads: int
    ) -> None:
        """mean, median: one tree model a task. `fit` makes them."""
        self.features, self.threads = features, threads
        self._mean, self._median = tuple(mean), tuple(median)
        self.rule: PointRule | None = None

    @classmethod
    def fit(
        cls,
        train: SampleSource,
        valid: SampleSource,
        spec: FeatureSpec,
        seed: int = 7,
        threads: int = 1,
        progress: bool = True,
        objectives: Sequence[str] = OBJECTIVES,
    ) -> WindowTrees:
        """Boost every task under each of `objectives`: at most 200 rounds, stopped 25 after the least validation
        NMAE (mean over scenarios). The best one for the mean and the best one for the median are kept.

        Holds the features of all rows, float32, twice while it reads. Neither the order of pieces nor that of rows
        matters. Raises ValueError when rows do not carry what `spec` names, when a part has none, or when `objectives`
        lack one for the mean or one for the median.
        """
        kinds = [_picked(kind, objectives) for kind in (MEAN_OBJECTIVES, MEDIAN_OBJECTIVES)]
        encoder = WindowFeatures.fit(train, spec, progress)
        rows = FeatureTable.read(train, encoder, "training", progress)
        judged = FeatureTable.read(valid, encoder, "validation", progress)
        boosting = _Boosting(rows, judged, encoder, seed, threads)
        total = len(spec.tasks) * sum(map(len, kinds))
        with tqdm(total=total, desc="boosting", unit="model", disable=not progress) as bar:
            mean, median = (
                [boosting.best(task, kind, bar) for task in range(len(spec.tasks))] for kind in kinds
            )
        model = cls(encoder, mean, median, threads)
        whole = [bool((column == np.rint(column)).all()) for column in rows.labels.T]
        point = model._estimate(model._median, judged.features)
        model.rule = PointRule.fit(point, judged.labels, judged.scenario, whole)
        return model

    def predict(self, samples: Samples) -> Forecast:
        """mean and median [N, m], in the order of `samples`. Raises ValueError when columns are missing."""
        features = self.features.transform(samples)
        median = self._estimate(self._median, features)
        if self.rule is not None:
            median = self._bounded(self.rule.apply(median))
        return Forecast(self._estimate(self._mean, features), median)

    def raw_median(self, samples: Samples) -> Values:
        """The L1 estimate [N, m] before the point rule."""
        return self._estimate(self._median, self.features.transform(samples))

    @property
    def chosen(self) -> dict[str, dict[str, str]]:
        """task -> {"mean": objective, "median": objective}."""
        kinds = {"mean": self._mean, "median": self._median}
        return {
            task: {kind: trees[place].objective for kind, trees in kinds.items()}
            for place, task in enumerate(self.features.spec.tasks)
        }

    @property
    def parameters(self) -> int:
        """Leaves of all chosen trees: each is a number that was fitted."""
        return sum(tree.leaves for tree in (*self._mean, *self._median))

    def _estimate(self, trees: Sequence[_Tree], features: Floats) -> Values:
        return self._bounded(np.column_stack([tree.predict(features, self.threads) for tree in trees]))

    def _bounded(self, values: Values) -> Values:
        spec = self.features.spec
        return np.minimum(values, [spec.bounded_tasks.get(task, np.inf) for task in spec.tasks])


class _Boosting:
    """The rows as LightGBM holds them, binned once; every model gives them its own labels."""

    def __init__(
        self, train: FeatureTable, valid: FeatureTable, encoder: WindowFeatures, seed: int, threads: int
    ) -> None:
        self.train, self.valid = train, valid
        # Rows needed in a leaf and in a category: fewer when there are few.
        least = max(5, min(100, len(train.labels) // 200))
        self.settings = {**_SETTINGS, "seed": seed, "num_threads": threads,
                         "min_data_in_leaf": least, "min_data_per_group": least}  # fmt: skip
        self.importance = cell_weights(valid.labels, valid.scenario)
        kinds: dict[str, Any] = {"categorical_feature": encoder.categories, "params": self.settings}
        self._rows = lightgbm.Dataset(train.features, train.labels[:, 0], **kinds).construct()
        self._judged = lightgbm.Dataset(valid.features, valid.labels[:, 0], self._rows, **kinds).construct()

    def best(self, task: int, objectives: Mapping[str, Mapping[str, Any]], bar: tqdm[Any]) -> _Tree:
        """Of `objectives` the one of least validation NMAE; the first of equals."""
        found = []
        for name, settings in objectives.items():
            bar.set_postfix_str(name)
            found.append(self._boost(task, name, settings))
            bar.update()
        return min(found, key=lambda tree: tree.valid_nmae)

    def _boost(self, task: int, objective: str, settings: Mapping[str, Any]) -> _Tree:
        labels, valid_labels = self.train.labels[:, task], self.valid.labels[:, task]
        scale = float(labels.mean())
        importance = self.importance[:, task]
        if not importance.any():
            # Nothing happened on the validation days: any error counts the same.
            importance = np.full(len(valid_labels), 1.0 / len(valid_labels))
        if scale == 0:
            return _Tree(objective, None, scale, float(importance @ valid_labels))

        def error(raw: Values, _: lightgbm.Dataset) -> tuple[str, float, bool]:
            predicted = _to_units(raw, objective, scale)
            return "nmae", float(importance @ np.abs(predicted - valid_labels)), False

        self._rows.set_label(_from_units(labels, objective, scale))
        self._judged.set_label(_from_units(valid_labels, objective, scale))
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        booster = lightgbm.train(
            {**self.settings, **settings}, self._rows, ROUNDS, [self._judged], feval=error, callbacks=[stop]
        )
        return _Tree(objective, booster, scale, booster.best_score["valid_0"]["nmae"])


def _to_units(raw: Values, objective: str, scale: float) -> Values:
    return np.maximum(scale * np.expm1(raw) if objective == "log_l1" else raw, 0.0)


def _from_units(labels: Values, objective: str, scale: float) -> Values:
    return np.log1p(labels / scale) if objective == "log_l1" else labels


def _picked(kind: Mapping[str, Mapping[str, Any]], objectives: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    picked = {name: kind[name] for name in kind if name in objectives}
    unknown = [name for name in objectives if name not in OBJECTIVES]
    if unknown or not picked:
        raise ValueError(
            f"objectives are {list(objectives)}, expected some of {list(kind)} among {OBJECTIVES}"
        )
    return picked
