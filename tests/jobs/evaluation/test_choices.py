"""What an evaluation is asked for, and what is refused."""

from __future__ import annotations

import pytest

from jobs.common.arguments import ArgumentError
from jobs.evaluation.choices import parse_models, parse_seeds, parse_studies
from jobs.evaluation.competitors import COMPETITORS, fitted_for, seeds_of


def test_models_come_each_once_and_in_one_order() -> None:
    assert parse_models("m2m,zero,m2m") == ("zero", "m2m")
    assert parse_models("all") == tuple(COMPETITORS)


def test_members_of_a_mix_are_fitted_too_and_a_mix_is_not() -> None:
    assert fitted_for(["m2m_persistence"]) == ("persistence", "m2m")


def test_what_no_seed_changes_is_fitted_once() -> None:
    assert seeds_of("zero", [1, 2, 3]) == (0,)
    assert seeds_of("m2m", [1, 2, 3]) == (1, 2, 3)


def test_every_mix_has_members_that_are_fitted() -> None:
    for name, competitor in COMPETITORS.items():
        assert (competitor.fit is None) == bool(competitor.members), name
        assert all(COMPETITORS[member].fit is not None for member in competitor.members), name


def test_seeds_come_each_once_and_in_order() -> None:
    assert parse_seeds("3,1,3") == (1, 3)


def test_studies_have_an_all_and_a_none() -> None:
    assert parse_studies("all") == ("sensitivity", "new_scenario")
    assert parse_studies("none") == ()
    assert parse_studies("new_scenario") == ("new_scenario",)


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (parse_models, "m2m,m3m", "models \\['m3m'\\] are unknown; allowed are all, zero"),
        (parse_models, "", "are unknown"),
        (parse_seeds, "1,x", "seeds \\['x'\\] are not allowed"),
        (parse_seeds, "0", "whole numbers from 1 on"),
        (parse_studies, "speed", "expected all, none, sensitivity, new_scenario"),
        (parse_studies, "none,sensitivity", "are not allowed"),
    ],
)
def test_anything_else_is_refused(parse: object, text: str, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        parse(text)  # type: ignore[operator]
