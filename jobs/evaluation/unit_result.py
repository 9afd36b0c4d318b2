"""What a fitted unit leaves: one file with its figures and, in the comparison of models, its predictions.

Letters: N rows of a part, m tasks.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from m2m import Cell

Values = NDArray[np.float32]
ESTIMATES = ("mean", "median")
PARTS = ("valid", "test")


@dataclass(frozen=True)
class Facts:
    """Figures of a unit. seconds: of the processor, for the fit. cells: estimate -> metrics of the test rows, by task
    and scenario. valid_nmae: of the median-type estimate. calibration: of P(active) on the test rows, (low, high, rows,
    probability, share) of each bin; None, as coverage and error, without a distribution."""

    seconds: float
    parameters: int
    train_rows: int
    valid_rows: int
    test_rows: int
    valid_nmae: float
    cells: dict[str, list[Cell]]
    fits: int = 1
    epochs: int | None = None
    best_epoch: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    calibration: list[list[float]] | None = None
    interval_coverage: float | None = None
    active_ece: float | None = None

    def to_json(self) -> str:
        """All of it as text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Facts:
        """The inverse of `to_json`."""
        plain = json.loads(text)
        cells = {name: [Cell(**cell) for cell in found] for name, found in plain.pop("cells").items()}
        return cls(cells=cells, **plain)


@dataclass(frozen=True)
class Predictions:
    """part ("valid", "test") -> estimate ("mean", "median") -> float32 [N, m] in the order of the part's rows."""

    values: dict[str, dict[str, Values]]

    def of(self, part: str, estimate: str) -> Values:
        """One array [N, m]."""
        return self.values[part][estimate]


def result_file(folder: Path, fingerprint: str) -> Path:
    """Where the unit of that fingerprint leaves its result."""
    return folder / f"{fingerprint}.npz"


def save_result(file: Path, facts: Facts, predictions: Predictions | None) -> None:
    """Write the file; it is there whole or not at all."""
    arrays: dict[str, Any] = {"facts": np.frombuffer(facts.to_json().encode(), dtype=np.uint8)}
    if predictions is not None:
        for part, estimates in predictions.values.items():
            arrays |= {f"{part}_{estimate}": values for estimate, values in estimates.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.fresh")
    with fresh.open("wb") as opened:
        np.savez(opened, **arrays)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)


def load_facts(file: Path) -> Facts:
    """The figures alone."""
    with np.load(file, allow_pickle=False) as found:
        return Facts.from_json(bytes(found["facts"]).decode())


def load_predictions(file: Path) -> Predictions:
    """The predictions of a unit of the comparison."""
    with np.load(file, allow_pickle=False) as found:
        return Predictions(
            {part: {name: cast(Values, found[f"{part}_{name}"]) for name in ESTIMATES} for part in PARTS}
        )
