"""Samples to the numbers the network reads.

Letters: N rows, F sequence columns, T days, D dense features, C knowledge columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from m2m.dense import DenseFeatures
from m2m.discretiser import Discretiser
from m2m.samples import Samples
from m2m.spec import FeatureSpec
from m2m.vocabulary import Vocabulary


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
        samples.check_against(spec)
        return cls(
            spec,
            Discretiser.fit(samples.sequences, value_bins),
            Vocabulary.fit(samples.knowledge, spec.knowledge, min_category_rows),
            DenseFeatures.fit(samples, spec),
        )

    @property
    def dense_width(self) -> int:
        """D."""
        return len(self.dense.mean)

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
