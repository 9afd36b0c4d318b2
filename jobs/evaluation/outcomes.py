"""The fitted models of a comparison, and the mixes put together from them.

Letters: N rows, m tasks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.evaluation.competitors import COMPETITORS, seeds_of
from jobs.evaluation.labelled_keys import LabelledKeys
from jobs.evaluation.unit import Unit
from jobs.evaluation.unit_result import (
    ESTIMATES,
    Facts,
    Predictions,
    load_facts,
    load_predictions,
    result_file,
    save_result,
)
from m2m import CellTotals, overall
from m2m.compared.mix import Mix


@dataclass(frozen=True)
class Outcome:
    """One model with one seed; its predictions stay in its file until they are asked for."""

    model: str
    seed: int
    file: Path
    fingerprint: str

    @property
    def kind(self) -> str:
        """naive, trees, baseline, m2m, ablation or mix."""
        return COMPETITORS[self.model].kind

    def facts(self) -> Facts:
        """Its figures."""
        return load_facts(self.file)

    def predictions(self) -> Predictions:
        """Of validation and test rows."""
        return load_predictions(self.file)


@dataclass(frozen=True)
class Outcomes:
    """All that were fitted, by model and seed; tasks: names of the columns of predictions and labels."""

    folder: Path
    tasks: Sequence[str]
    found: dict[tuple[str, int], Outcome]

    @classmethod
    def of_units(cls, folder: Path, tasks: Sequence[str], units: Sequence[Unit]) -> Outcomes:
        """Units whose results are in `folder`."""
        found = {}
        for unit in units:
            name = unit.fingerprint
            found[unit.model, unit.seed] = Outcome(unit.model, unit.seed, result_file(folder, name), name)
        return cls(folder, tasks, found)

    def complete(self, models: Sequence[str], seeds: Sequence[int]) -> tuple[str, ...]:
        """Those of `models` that were fitted with every seed, members of mixes included."""
        return tuple(
            model
            for model in models
            if all(
                self.found[name, seed].file.exists()
                for name in COMPETITORS[model].members or (model,)
                for seed in seeds_of(name, seeds)
            )
        )

    def of(self, models: Sequence[str], seeds: Sequence[int]) -> Iterator[Outcome]:
        """Those of these models, in order; mixes once they are made."""
        for model in models:
            for seed in seeds_of(model, seeds):
                yield self.found[model, seed]

    def add_mixes(
        self, models: Sequence[str], seeds: Sequence[int], valid: LabelledKeys, test: LabelledKeys
    ) -> None:
        """Put the mixes among `models` together, each from members of its seed. valid, test: rows predicted."""
        for model in models:
            if COMPETITORS[model].members:
                for seed in seeds_of(model, seeds):
                    self.found[model, seed] = self._mixed(model, seed, valid, test)

    def _mixed(self, model: str, seed: int, valid: LabelledKeys, test: LabelledKeys) -> Outcome:
        members = [self.found[name, seeds_of(name, [seed])[0]] for name in COMPETITORS[model].members]
        known = " ".join([model, *(member.fingerprint for member in members)])
        name = hashlib.sha256(known.encode()).hexdigest()[:32]
        outcome = Outcome(model, seed, result_file(self.folder, name), name)
        if not outcome.file.exists():
            save_result(outcome.file, *_mix(members, self.tasks, valid, test))
        return outcome


def _mix(
    members: Sequence[Outcome], tasks: Sequence[str], valid: LabelledKeys, test: LabelledKeys
) -> tuple[Facts, Predictions]:
    """Each estimate is mixed by weights of its own, learned on validation rows. Of the median-type ones the first
    member's zeros are kept: a mean of several numbers has hardly any, which relative errors ask for (decision 14)."""
    each = [member.predictions() for member in members]
    values: dict[str, dict[str, NDArray[np.float32]]] = {"valid": {}, "test": {}}
    weights: dict[str, object] = {}
    for estimate in ESTIMATES:
        mix = Mix.fit(_points(each, "valid", estimate), valid.labels, valid.scenario)
        for part, found in values.items():
            found[estimate] = mix.apply(_points(each, part, estimate)).astype(np.float32)
        weights[estimate] = dict(zip(tasks, mix.weights.tolist(), strict=True))
    details: dict[str, object] = {"members": [member.model for member in members], "weights": weights}
    return _mix_facts(members, tasks, values, valid, test, details), Predictions(values)


def _points(members: Sequence[Predictions], part: str, estimate: str) -> list[NDArray[np.float64]]:
    """What is mixed: a forecast [N, m] of each member, zero where the first says zero if it is of the median type."""
    points = [np.asarray(one.of(part, estimate), dtype=np.float64) for one in members]
    return [np.where(points[0] == 0, 0.0, point) for point in points] if estimate == "median" else points


def _mix_facts(
    members: Sequence[Outcome],
    tasks: Sequence[str],
    values: dict[str, dict[str, NDArray[np.float32]]],
    valid: LabelledKeys,
    test: LabelledKeys,
    details: dict[str, object],
) -> Facts:
    """What all members cost together is what the mix costs."""
    facts = [member.facts() for member in members]
    return Facts(
        seconds=sum(fact.seconds for fact in facts),
        parameters=sum(fact.parameters for fact in facts),
        train_rows=max(fact.train_rows for fact in facts),
        valid_rows=len(valid),
        test_rows=len(test),
        valid_nmae=overall(_totals(values["valid"]["median"], valid, tasks).cells())["nmae"],
        cells={name: _totals(values["test"][name], test, tasks).cells() for name in ESTIMATES},
        fits=sum(fact.fits for fact in facts),
        details=details,
    )


def _totals(values: NDArray[np.float32], rows: LabelledKeys, tasks: Sequence[str]) -> CellTotals:
    totals = CellTotals(tasks)
    totals.add(rows.labels, values.astype(np.float64), rows.scenario)
    return totals
