"""Samples to the numbers the network reads.

Letters: N rows, F sequence columns, T days, D dense features, C knowledge columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from m2m.dense import DenseFeatures, Moments, raw_dense
from m2m.discretiser import Discretiser, largest_values
from m2m.row_sample import RowSample
from m2m.samples import Samples
from m2m.spec import FeatureSpec
from m2m.vocabulary import Vocabulary, count_values


@dataclass(frozen=True)
class Encoded:
    """bins uint8 [N, T, F]; dense float32 [N, D]; knowledge int64 [N, C]; code int64 [N], one per knowledge
    row."""

    bins: npt.NDArray[np.uint8]
    dense: npt.NDArray[np.float32]
    knowledge: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bins)


@dataclass(frozen=True)
class Encoder:
    """Bin edges, vocabularies and standardisation, fitted on the training rows only."""

    spec: FeatureSpec
    discretiser: Discretiser
    vocabulary: Vocabulary
    dense: DenseFeatures

    @classmethod
    def fit(cls, samples: Samples, spec: FeatureSpec, value_bins: int, min_category_rows: int = 1) -> Encoder:
        """Fit on training rows. Raises ValueError when they do not carry what `spec` names."""
        fit = EncoderFit(spec)
        fit.add(samples, 0)
        return fit.encoder(value_bins, min_category_rows)

    @property
    def dense_width(self) -> int:
        """D."""
        return len(self.dense.mean)

    @property
    def row_bytes(self) -> int:
        """Bytes of one encoded row with its labels."""
        spec = self.spec
        values = len(spec.sequence_columns) * spec.history_days
        return values + 4 * (self.dense_width + len(spec.tasks)) + 8 * (len(spec.knowledge) + 1)

    def encode(self, samples: Samples) -> Encoded:
        """Encode rows. Raises ValueError when they do not carry what the spec names."""
        samples.check_against(self.spec)
        knowledge = self.vocabulary.transform(samples.knowledge)
        return Encoded(
            self.discretiser.transform(samples.sequences),
            self.dense.transform(samples, self.spec),
            knowledge,
            self.vocabulary.code(knowledge),
        )

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON (the spec is kept beside it)."""
        return {
            "bin_edges": self.discretiser.to_dict(),
            "vocabularies": self.vocabulary.to_dict(),
            "dense_standardisation": self.dense.to_dict(),
        }

    @classmethod
    def from_dict(cls, spec: FeatureSpec, plain: Mapping[str, Any]) -> Encoder:
        """The inverse of `to_dict`."""
        vocabularies = plain["vocabularies"]
        return cls(
            spec,
            Discretiser.from_dict(plain["bin_edges"]),
            # JSON written with sorted keys loses the order of the columns; the spec has it.
            Vocabulary.from_dict({name: vocabularies[name] for name in spec.knowledge}),
            DenseFeatures.from_dict(plain["dense_standardisation"]),
        )


class EncoderFit:
    """What the training rows say about bins, vocabularies and standardisation, gathered piece by piece.

    Everything is exact but the bin edges: these are quantiles of a uniform sample of rows.
    """

    def __init__(self, spec: FeatureSpec, sample_rows: int = 16_384, seed: int = 0) -> None:
        self.spec = spec
        self.sample = RowSample(sample_rows, seed)
        self.largest = np.zeros(len(spec.sequence_columns), dtype=np.float32)
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in spec.knowledge}
        self.moments = Moments()

    def add(self, samples: Samples, piece: int) -> None:
        """Take in the rows of one piece, each piece once, in any order. Raises ValueError as
        `Samples.check_against`."""
        samples.check_against(self.spec)
        self.sample.add(samples.sequences, piece)
        self.largest = np.maximum(self.largest, largest_values(samples.sequences))
        for name, counts in self.counts.items():
            counts.update(count_values(samples.knowledge[name]))
        self.moments.add(raw_dense(samples, self.spec))

    def merge(self, other: EncoderFit) -> None:
        """Take in what another process gathered from other pieces."""
        self.sample.merge(other.sample)
        self.largest = np.maximum(self.largest, other.largest)
        for name, counts in self.counts.items():
            counts.update(other.counts[name])
        self.moments.merge(other.moments)

    def encoder(self, value_bins: int, min_category_rows: int = 1) -> Encoder:
        """The fitted encoder."""
        return Encoder(
            self.spec,
            Discretiser.from_sample(self.sample.rows(), self.largest, value_bins),
            Vocabulary.from_counts(self.counts, min_category_rows),
            DenseFeatures.from_moments(self.moments),
        )
