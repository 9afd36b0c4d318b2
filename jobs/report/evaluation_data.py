"""An evaluation as the page tells it: runs, errors over the seeds, comparisons, calibration, studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from math import fsum

from jobs.report.evaluation_words import M2M, MIX, RIVALS, kind_of, place_of

ALL = "all"
PARTS = ("train", "valid", "test")


@dataclass(frozen=True)
class Seeds:
    """One figure, once per seed; values that are no number are left out."""

    values: tuple[float, ...] = ()

    @property
    def mean(self) -> float | None:
        """Mean over the seeds; None without a value."""
        return fsum(self.values) / len(self.values) if self.values else None

    @property
    def spread(self) -> float | None:
        """(max - min) / 2 over the seeds; None with fewer than two values."""
        return (max(self.values) - min(self.values)) / 2 if len(self.values) > 1 else None


@dataclass(frozen=True)
class Score:
    """Error of one model: overall, of a task, of a scenario or of one cell; rows of the test part."""

    nmae: Seeds
    smape: Seeds
    rows: int


@dataclass(frozen=True)
class Run:
    """One model trained with one seed; seconds are CPU seconds, days are (first, last) of each part."""

    model: str
    seed: int
    kind: str
    seconds: float | None
    parameters: int | None
    fits: int
    rows: tuple[int | None, ...]
    days: tuple[tuple[date | None, date | None], ...]
    coverage: float | None
    ece: float | None
    details: str | None
    settings_version: str | None
    code_version: str | None


@dataclass(frozen=True)
class Comparison:
    """NMAE of the rival less that of M2M with its bootstrap interval: above 0 M2M is better."""

    difference: float
    low: float
    high: float
    draws: int


@dataclass(frozen=True)
class Step:
    """A step of P(active), all seeds together: mean probability and the share that was active."""

    model: str
    rows: int
    probability: float
    share: float


@dataclass(frozen=True)
class Study:
    """NMAE at one value of what a study varies."""

    study: str
    setting: str
    value: float
    model: str
    scenario: str
    estimate: str
    nmae: Seeds


@dataclass(frozen=True)
class Evaluation:
    """Everything the page tells; scores by (model, estimate, task, scenario), comparisons by (rival, estimate)."""

    runs: Sequence[Run]
    scores: Mapping[tuple[str, str, str, str], Score]
    comparisons: Mapping[tuple[str, str], Comparison]
    steps: Sequence[Step]
    studies: Sequence[Study]

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Model to its kind, in the order of the page."""
        known = {run.model: run.kind for run in self.runs}
        found = {
            model: known.get(model, kind_of(model)) for model in {*known, *(key[0] for key in self.scores)}
        }
        return dict(sorted(found.items(), key=lambda item: place_of(*item)))

    def of_kind(self, *kinds: str) -> list[str]:
        """Models of these kinds, in the order of the page."""
        return [model for model, kind in self.kinds.items() if kind in kinds]

    def score(self, model: str, estimate: str = "median", task: str = ALL, scenario: str = ALL) -> Score:
        """Overall without task and scenario; without values when the tables hold none."""
        return self.scores.get((model, estimate, task, scenario), Score(Seeds(), Seeds(), 0))

    def nmae(
        self, model: str, estimate: str = "median", task: str = ALL, scenario: str = ALL
    ) -> float | None:
        """Mean NMAE over the seeds."""
        return self.score(model, estimate, task, scenario).nmae.mean

    def best(self, models: Sequence[str], task: str = ALL, scenario: str = ALL) -> str | None:
        """The model with the lowest median-type NMAE; None when none has one."""
        found = [
            (value, m) for m in models if (value := self.nmae(m, task=task, scenario=scenario)) is not None
        ]
        return min(found)[1] if found else None

    @cached_property
    def rivals(self) -> list[str]:
        """What a user could pick instead of M2M."""
        return self.of_kind(*RIVALS)

    @cached_property
    def unmixed(self) -> list[str]:
        """Every model but the mixes."""
        return [model for model, kind in self.kinds.items() if kind != MIX]

    @cached_property
    def scenarios(self) -> list[str]:
        """Every scenario of a cell, by name."""
        return sorted({key[3] for key in self.scores if key[3] != ALL})

    def tasks(self, first: Sequence[str]) -> list[str]:
        """Every task of a cell: those of the settings in their order, then others by name."""
        found = {key[2] for key in self.scores if key[2] != ALL}
        return [task for task in first if task in found] + sorted(found - set(first))

    def shares(self) -> dict[str, float]:
        """Scenario to its share of the test rows, largest first."""
        rows = dict.fromkeys(self.scenarios, 0)
        for (_, _, task, scenario), score in self.scores.items():
            if task != ALL and scenario != ALL:
                rows[scenario] = max(rows[scenario], score.rows)
        whole = max(sum(rows.values()), 1)
        return {
            name: count / whole for name, count in sorted(rows.items(), key=lambda item: (-item[1], item[0]))
        }


def improvement(ours: float | None, theirs: float | None) -> float | None:
    """How much lower our error is, as a share of theirs; None when one is missing or theirs is 0."""
    return None if ours is None or not theirs else (theirs - ours) / theirs


def m2m_against(found: Evaluation, rival: str | None, task: str, scenario: str) -> float | None:
    """M2M's improvement in one cell over `rival`; None stands for the cell's own best rival."""
    other = rival or found.best(found.rivals, task, scenario)
    theirs = found.nmae(other, task=task, scenario=scenario) if other else None
    return improvement(found.nmae(M2M, task=task, scenario=scenario), theirs)
