"""The paper's studies: how sizes of M2M matter (Fig. 6), and how fast models get good in a new scenario.

Both use fewer rows than the comparison and one seed. history_days beyond that of features.samples needs a longer look
back: `long_samples` builds it. Days before the first fact are 0, as on a platform that has just started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from jobs.evaluation.competitors import COMPETITORS, OURS, seeds_of
from jobs.evaluation.plan import UnitMaker
from jobs.evaluation.study_rows import StudyRows
from jobs.evaluation.unit import Unit

SENSITIVITY: dict[str, tuple[float, ...]] = {
    "history_days": (10, 20, 30, 40, 50, 60, 70),
    "d_scenario": (8, 16, 32, 64, 128),
    "meta_layers": (1, 2, 3, 4, 5),
}
ROWS_SHARES = (0.0, 0.01, 0.05, 0.2, 1.0)
NEWCOMERS = (OURS, "m2m_plain", "mmoe", "shared_bottom", "lightgbm", "window_mean")
EVERY_SCENARIO = "all"


@dataclass(frozen=True)
class StudyPoint:
    """One point of a figure; several may share a unit. scenario: the one held out, or EVERY_SCENARIO."""

    study: str
    setting: str
    value: float
    unit: Unit
    scenario: str = EVERY_SCENARIO

    @property
    def words(self) -> str:
        """For a person who waits."""
        held_out = "" if self.scenario == EVERY_SCENARIO else f" of {self.scenario}"
        return f"{self.study}: {self.unit.model}, {self.setting} {self.value:g}{held_out}"


@dataclass(frozen=True)
class StudyPlan:
    """makes: units on the study's rows. rows: all of these rows, with the history of features.samples."""

    maker: UnitMaker
    rows: StudyRows
    scenarios: Sequence[str]
    seed: int

    def sensitivity(self) -> Iterator[StudyPoint]:
        """M2M with one size changed at a time."""
        for setting, values in SENSITIVITY.items():
            for value in self.maker.scale.values(values):
                yield StudyPoint("sensitivity", setting, value, self._changed(setting, int(value)))

    def new_scenario(self) -> Iterator[StudyPoint]:
        """Every scenario held out in turn but for a share of its rows; with all of them nothing is held out. With one
        scenario there is nothing to learn from when it is held out, and no point."""
        if len(self.scenarios) < 2:
            return
        for model in NEWCOMERS:
            if model not in COMPETITORS:
                continue
            seed = seeds_of(model, [self.seed])[0]
            for scenario in self.scenarios:
                for share in self.maker.scale.values(ROWS_SHARES):
                    rows = self.rows if share == 1 else self._held_out(scenario, share)
                    unit = self.maker.unit(model, seed, rows)
                    yield StudyPoint("new_scenario", "rows_share", share, unit, scenario)

    def _changed(self, setting: str, value: int) -> Unit:
        if setting != "history_days":
            return self.maker.unit(OURS, self.seed, self.rows, **{setting: value})
        rows = StudyRows(self.rows.shares, value)
        return self.maker.unit(OURS, self.seed, rows)

    def _held_out(self, scenario: str, share: float) -> StudyRows:
        return StudyRows(self.rows.shares, self.rows.history_days, scenario, share)


STUDIES: dict[str, Callable[[StudyPlan], Iterator[StudyPoint]]] = {
    "sensitivity": StudyPlan.sensitivity,
    "new_scenario": StudyPlan.new_scenario,
}
