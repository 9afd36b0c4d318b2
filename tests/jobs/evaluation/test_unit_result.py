"""The file a unit leaves: whole, exact, or not there."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from jobs.evaluation.unit_result import Facts, Predictions, load_facts, load_predictions, save_result
from m2m import Cell

CELLS = [Cell("clicks", "feed", 3, 1.5, 1 / 3, 0.25)]
FACTS = Facts(1.5, 10, 100, 20, 30, 0.7, {"mean": CELLS, "median": CELLS}, epochs=4, details={"a": [1, 2]})


def predictions() -> Predictions:
    generator = np.random.default_rng(0)
    return Predictions(
        {
            part: {name: generator.random((rows, 2)).astype(np.float32) for name in ("mean", "median")}
            for part, rows in (("valid", 20), ("test", 30))
        }
    )


def test_figures_and_predictions_come_back_exactly(tmp_path: Path) -> None:
    kept = predictions()
    save_result(tmp_path / "a" / "unit.npz", FACTS, kept)
    assert load_facts(tmp_path / "a" / "unit.npz") == FACTS
    found = load_predictions(tmp_path / "a" / "unit.npz")
    for part in ("valid", "test"):
        for estimate in ("mean", "median"):
            np.testing.assert_array_equal(found.of(part, estimate), kept.of(part, estimate))
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["unit.npz"]


def test_a_cell_without_labels_survives(tmp_path: Path) -> None:
    cells = [Cell("clicks", "feed", 3, 0.0, math.nan, 0.25)]
    save_result(tmp_path / "unit.npz", Facts(1.0, 0, 1, 1, 1, math.nan, {"mean": cells}), None)
    found = load_facts(tmp_path / "unit.npz")
    assert math.isnan(found.valid_nmae) and math.isnan(found.cells["mean"][0].nmae)
