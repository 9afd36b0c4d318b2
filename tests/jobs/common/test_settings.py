"""The settings file: the project's own files load, and every wrong key is named with what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.common.settings import DEFAULT_SETTINGS, SettingsError, load_settings
from jobs.common.settings_sections import SCENARIO_LEVELS

FILES = sorted(DEFAULT_SETTINGS.parent.glob("*.yaml"))


def changed(tmp_path: Path, **changes: Any) -> Path:
    """The default settings with dotted keys replaced; None removes a key."""
    raw = yaml.safe_load(DEFAULT_SETTINGS.read_text())
    for key, value in changes.items():
        *parents, last = key.split("__")
        place = raw
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[last]
        else:
            place[last] = value
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(raw, sort_keys=False))
    return file


def test_the_project_ships_settings_files() -> None:
    assert [file.name for file in FILES] == ["default.yaml", "online_retail.yaml"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_settings_file_of_the_project_is_valid(file: Path) -> None:
    assert load_settings(file).task_names == ("impressions", "clicks", "expenditure", "gmv", "active_days")


def test_sequences_are_behaviours_then_performance_then_ratios() -> None:
    columns = load_settings().columns
    assert columns.sequences == (*columns.behaviours, *columns.performance, "roi")


def test_scenario_statistics_are_knowledge_only_when_they_are_asked_for(tmp_path: Path) -> None:
    plain = load_settings(changed(tmp_path, model__scenario_statistics=False)).knowledge_columns
    assert not set(plain) & set(SCENARIO_LEVELS)
    asked = load_settings(changed(tmp_path, model__scenario_statistics=True)).knowledge_columns
    assert asked == ("scenario_id", "scenario_type", *SCENARIO_LEVELS, *plain[2:])


def test_version_changes_with_every_setting(tmp_path: Path) -> None:
    same, other = load_settings(), load_settings(changed(tmp_path, training__seed=8))
    assert same.version == load_settings().version != other.version


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"history_days": 3}, ["history_days", "found 3", "greater than or equal to 7"]),
        ({"colour": "red"}, ["colour", "is not a setting"]),
        ({"platform": None}, ["platform", "is missing"]),
        (
            {"checks__max_quarantine_share": 1.5},
            ["checks.max_quarantine_share", "found 1.5", "less than or equal to 1"],
        ),
        ({"active_day_column": "spend"}, ["active_day_column", "'spend'", "expenditure"]),
        ({"columns__profile": {"clicks": "int"}}, ["clicks", "twice"]),
        ({"columns__behaviours": {"drop table": "long"}}, ["drop table", "lower case letters"]),
        ({"columns__behaviours": {"ds": "long"}}, ["ds", "reserved"]),
        (
            {"columns__performance__clicks": "text"},
            ["columns.performance.clicks", "'text'", "'long' or 'double'"],
        ),
        ({"tasks": [{"name": "clicks", "column": "clicks"}]}, ["tasks", "count_active_days"]),
        ({"tasks": [{"name": "clicks"}]}, ["tasks.0", "column: NAME or count_active_days"]),
        ({"model__name": "huge"}, ["model.name", "'huge'", "'tiny', 'base' or 'paper'"]),
        ({"model__scenario_statistics": "maybe"}, ["model.scenario_statistics", "'maybe'", "valid boolean"]),
        ({"columns__scenario": {"scenario_zero_level": "int"}}, ["scenario_zero_level", "reserved"]),
        ({"spark__conf": {"rm -rf": 1}}, ["spark.conf", "rm -rf"]),
        ({"calendar__first_day": "2026-13-01"}, ["calendar.first_day", "2026-13-01"]),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_with_key_value_and_what_is_allowed(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(changed(tmp_path, **changes))
    message = str(refused.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_file_that_is_not_there_or_not_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1,")
    with pytest.raises(SettingsError, match="is not YAML"):
        load_settings(broken)
    broken.write_text("- 1")
    with pytest.raises(SettingsError, match="holds list, expected a mapping"):
        load_settings(broken)
