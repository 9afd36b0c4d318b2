"""What trees read of a row: window sums of the pair and of the advertiser, days since active, weekday, knowledge.

Letters: N rows, F sequence columns, W window lengths, C knowledge columns, m tasks, D = 2 W F + 2 + C features.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from m2m.dense import days_since_active, window_sums
from m2m.samples import Samples
from m2m.sources import SampleSource
from m2m.spec import FeatureSpec
from m2m.vocabulary import Vocabulary, count_values

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
_ORDER = 5  # tells this random stream from others


@dataclass(frozen=True)
class WindowFeatures:
    """How rows become features; the vocabulary is that of the training rows."""

    spec: FeatureSpec
    vocabulary: Vocabulary

    @classmethod
    def fit(cls, train: SampleSource, spec: FeatureSpec, progress: bool = True) -> WindowFeatures:
        """Reads the knowledge of every piece. Raises ValueError when a knowledge column is missing."""
        counts: dict[str, Counter[str]] = {name: Counter() for name in spec.knowledge}
        for piece in tqdm(range(len(train.piece_rows)), desc="knowledge", unit="piece", disable=not progress):
            samples = train.read(piece)
            samples.check_against(spec)
            for name, found in counts.items():
                found.update(count_values(samples.knowledge[name]))
        return cls(spec, Vocabulary.from_counts(counts))

    @property
    def categories(self) -> list[int]:
        """Which of the D features are categories: weekday and knowledge, the last 1 + C."""
        first = 2 * len(self.spec.windows_days) * len(self.spec.sequence_columns) + 1
        return list(range(first, first + 1 + len(self.spec.knowledge)))

    def transform(self, samples: Samples) -> Floats:
        """float32 [N, D]. A value of knowledge that training has not seen is missing (NaN). Raises ValueError when
        columns are missing."""
        spec = self.spec
        samples.check_against(spec)
        ids = self.vocabulary.transform(samples.knowledge).astype(np.float32)
        since = days_since_active(samples.sequences[:, len(spec.behaviours) :, :])
        return np.hstack(
            [
                window_sums(samples.sequences, spec.windows_days),
                samples.advertiser_window_sums,
                np.column_stack([since, samples.weekday]).astype(np.float32),
                np.where(ids > 0, ids, np.float32(np.nan)),
            ]
        )


class FeatureTable(NamedTuple):
    """features [N, D], labels [N, m], scenario text [N], in an order that follows from the rows alone."""

    features: Floats
    labels: Values
    scenario: npt.NDArray[np.str_]

    @classmethod
    def read(
        cls, source: SampleSource, encoder: WindowFeatures, name: str, progress: bool = True
    ) -> FeatureTable:
        """Every piece once; only its features stay, and they are held twice while they are put in order. name: of the
        part, for messages. Raises ValueError without rows or labels."""
        spec, features, labels, scenario = encoder.spec, [], [], []
        for piece in tqdm(range(len(source.piece_rows)), desc=name, unit="piece", disable=not progress):
            samples = source.read(piece)
            labels.append(samples.checked_labels(spec))
            features.append(encoder.transform(samples))
            scenario.append(samples.knowledge[spec.scenario_column])
        if not sum(map(len, features)):
            raise ValueError(f"there are no {name} rows, expected at least one")
        order = np.argsort(np.concatenate(list(map(_numbers, features, labels))), kind="stable")
        return cls(
            np.concatenate(features)[order], np.concatenate(labels)[order], np.concatenate(scenario)[order]
        )


def _numbers(features: Floats, labels: Values) -> npt.NDArray[np.uint64]:
    """A number [N] of each row's content, by which rows are ordered: LightGBM draws rows by their place, so that the
    order of files would matter otherwise."""
    bits = np.ascontiguousarray(np.hstack([features, labels.astype(np.float32)])).view(np.uint32)
    factors = np.random.default_rng(_ORDER).integers(2**64, size=bits.shape[1], dtype=np.uint64)
    return np.asarray((bits * (factors | np.uint64(1))).sum(axis=1, dtype=np.uint64))
