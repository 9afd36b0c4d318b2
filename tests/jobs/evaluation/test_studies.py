"""Which points a study consists of."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from jobs.evaluation.competitors import OURS
from jobs.evaluation.plan import UnitMaker
from jobs.evaluation.scale import QUICK
from jobs.evaluation.studies import NEWCOMERS, StudyPlan
from jobs.evaluation.study_rows import StudyRows
from jobs.evaluation.unit import Unit


class Asked:
    """Stands where units are made: remembers which rows they were asked for."""

    scale = replace(QUICK, study_values=None)

    def unit(self, model: str, seed: int, study: StudyRows, **overrides: object) -> Unit:
        return cast(Unit, (model, seed, study, overrides))


def plan(*scenarios: str) -> StudyPlan:
    return StudyPlan(cast(UnitMaker, Asked()), StudyRows((), 40), scenarios, 1)


def test_every_scenario_is_held_out_in_turn_and_nothing_of_the_last_point() -> None:
    points = list(plan("feed", "search").new_scenario())
    assert len(points) == len(NEWCOMERS) * 2 * 5
    ours = [point for point in points if cast(tuple[object, ...], point.unit)[0] == OURS]
    held = [(point.scenario, point.value, cast(tuple[object, ...], point.unit)[2]) for point in ours]
    for scenario, share, rows in held:
        expected = StudyRows((), 40) if share == 1 else StudyRows((), 40, scenario, share)
        assert rows == expected
    assert [share for scenario, share, _ in held if scenario == "feed"] == [0.0, 0.01, 0.05, 0.2, 1.0]


def test_one_scenario_cannot_be_held_out() -> None:
    assert list(plan("feed").new_scenario()) == []
    assert list(plan("feed").sensitivity()) != []
