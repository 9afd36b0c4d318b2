"""What an evaluation is asked for, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.common.arguments import ArgumentError, parse_arguments
from jobs.common.parts import days_of_parts
from jobs.common.settings_sections import Evaluation
from jobs.evaluation.choices import add_choices, parse_folder, parse_models, parse_seeds, parse_studies
from jobs.evaluation.competitors import COMPETITORS, fitted_for, seeds_of
from m2m import ModelConfig


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


def test_a_row_is_the_model_it_is_named_after_whatever_the_settings_choose() -> None:
    chosen = {"network": "cgc", "without_transformer": True}
    configs = {
        name: ModelConfig.named("tiny", **{**chosen, **competitor.overrides})
        for name, competitor in COMPETITORS.items()
        if competitor.kind in ("m2m", "baseline", "ablation")
    }
    for name, config in configs.items():
        assert config.network == ("m2m" if name.startswith("m2m") else name)
        assert config.without_transformer == (name == "m2m_without_transformer")


def test_days_follow_from_the_parts() -> None:
    named = {"train": ("02-09", "03-18"), "valid": ("04-01", "04-05"), "test": ("04-19", "04-23")}
    parts = [
        word
        for part, days in named.items()
        for end, day in zip(("start", "end"), days, strict=True)
        for word in (f"--{part}-{end}-ds", f"2026-{day}")
    ]
    found = parse_arguments("evaluate_models", "", parts, add_choices, days_of_parts)
    assert (found.start_ds, found.end_ds) == (date(2026, 2, 9), date(2026, 4, 23))
    longer = [*parts, "--start-ds", "2026-01-01"]
    found = parse_arguments("evaluate_models", "", longer, add_choices, days_of_parts)
    assert (found.start_ds, found.end_ds) == (date(2026, 1, 1), date(2026, 4, 23))


def test_seeds_of_the_settings_are_whole_numbers_each_once() -> None:
    assert Evaluation(seeds=(3, 1)).seeds == (1, 3)
    for wrong in ((1, 1), (0,), ()):
        with pytest.raises(ValidationError):
            Evaluation(seeds=wrong)


def test_results_are_kept_in_a_folder() -> None:
    assert parse_folder("kept/here") == Path("kept/here")


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
        (parse_folder, "s3a://bucket/kept", "expected a folder of the file system"),
        (parse_studies, "speed", "expected all, none, sensitivity, new_scenario"),
        (parse_studies, "none,sensitivity", "are not allowed"),
    ],
)
def test_anything_else_is_refused(parse: object, text: str, words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        parse(text)  # type: ignore[operator]
