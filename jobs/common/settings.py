"""The one settings file: what the platform's columns, tasks, rules and options are.

`load_settings` reads YAML, validates every key (unknown keys are refused) and returns immutable plain objects. A wrong
setting raises `SettingsError` with the key, the value found and what is allowed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from jobs.common.code_files import beside_the_code
from jobs.common.settings_sections import (
    SAFE_VACUUM_HOURS,
    SCENARIO_LEVELS,
    VACUUM_CHECK,
    Calendar,
    Checks,
    ColumnName,
    Columns,
    Engagement,
    Evaluation,
    Maintenance,
    ModelSettings,
    Scoring,
    Section,
    Selection,
    SparkSettings,
    Task,
    Training,
)

DEFAULT_SETTINGS = beside_the_code("jobs", "conf", "default.yaml")


class SettingsError(ValueError):
    """A setting is missing, unknown or has a value that is not allowed."""


class Settings(Section):
    """Everything a job may vary on. Lengths in days, shares in [0, 1], money in the platform's currency."""

    platform: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    history_days: int = Field(40, ge=7, le=400)
    horizon_days: int = Field(7, ge=1, le=60)
    late_days: int = Field(3, ge=0, le=400)
    columns: Columns
    tasks: tuple[Task, ...] = Field(min_length=1)
    active_day_column: ColumnName = "expenditure"
    eligible_columns: tuple[ColumnName, ...] = ("expenditure", "impressions")
    value_column: ColumnName = "expenditure"
    calendar: Calendar = Calendar()
    checks: Checks = Checks()
    training: Training = Training()
    model: ModelSettings = ModelSettings()
    evaluation: Evaluation = Evaluation()
    scoring: Scoring = Scoring()
    selection: Selection = Selection()
    engagement: Engagement = Engagement()
    maintenance: Maintenance = Maintenance()
    spark: SparkSettings = SparkSettings()

    @model_validator(mode="after")
    def _names_exist(self) -> Settings:
        daily, columns = self.columns.daily, self.columns
        named = {"active_day_column": self.active_day_column, "value_column": self.value_column}
        named |= {f"eligible_columns[{i}]": c for i, c in enumerate(self.eligible_columns)}
        named |= {f"tasks.{t.name}.column": t.column for t in self.tasks if t.column}
        named |= {f"columns.ratios.{r.name}.numerator": r.numerator for r in columns.ratios}
        named |= {f"columns.ratios.{r.name}.denominator": r.denominator for r in columns.ratios}
        for key, column in named.items():
            if column not in daily:
                raise ValueError(f"{key} is {column!r}; allowed are the daily columns {', '.join(daily)}")
        every = [*columns.sequences, *columns.profile, *columns.scenario]
        twice = sorted({name for name in every if every.count(name) > 1})
        if twice:
            raise ValueError(f"columns declares {', '.join(twice)} twice; every column name is used once")
        return self

    @model_validator(mode="after")
    def _vacuum_after_reruns(self) -> Settings:
        hours, checked = self.maintenance.vacuum_hours, str(self.spark.conf.get(VACUUM_CHECK, True)).lower()
        if hours < SAFE_VACUUM_HOURS and checked != "false":
            raise ValueError(
                f"maintenance.vacuum_hours is {hours}; allowed is {SAFE_VACUUM_HOURS} or more, or spark.conf says "
                f"{VACUUM_CHECK}: false"
            )
        return self

    def keep_days(self, table: str) -> int | None:
        """How many days of a table are kept (None: all), never fewer than weekly training reads."""
        kept, training = self.maintenance.keep_days.get(table), self.training.as_of_days + self.horizon_days
        read = {"features.samples": training, "facts.advertiser_daily": training + self.history_days}
        return None if kept is None else max(kept, read.get(table, 0))

    @model_validator(mode="after")
    def _one_active_task(self) -> Settings:
        names = [task.name for task in self.tasks]
        if len(set(names)) != len(names):
            raise ValueError(f"tasks are named {names}; every task name is used once")
        if sum(task.count_active_days for task in self.tasks) != 1:
            raise ValueError(
                "tasks must hold exactly one task with count_active_days: true; selection needs it"
            )
        return self

    @property
    def task_names(self) -> tuple[str, ...]:
        """Prediction tasks in order."""
        return tuple(task.name for task in self.tasks)

    @property
    def active_task(self) -> str:
        """The task that counts active days."""
        return next(task.name for task in self.tasks if task.count_active_days)

    @property
    def knowledge_columns(self) -> tuple[str, ...]:
        """Categorical columns of the scenario knowledge (eq. 8): the scenario and the advertiser's profile."""
        scenario = [name for name, kind in self.columns.scenario.items() if kind != "date"]
        levels = SCENARIO_LEVELS if self.model.scenario_statistics else ()
        return ("scenario_id", *scenario, *levels, *self.columns.profile)

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that change whenever a setting changes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


def load_settings(path: str | Path | None = None) -> Settings:
    """Read and validate a settings file; the project's own when `path` is None.

    Raises SettingsError: no such file, not YAML, or one line per wrong key: the key, what was found, what is allowed.
    """
    file = Path(path) if path else DEFAULT_SETTINGS
    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {file} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"settings file {file} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise SettingsError(
            f"settings file {file} holds {type(raw).__name__}, expected a mapping of settings"
        )
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(f"settings file {file}: {'; '.join(map(_explain, error.errors()))}") from error


def _explain(problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"] if part != "[key]") or "settings"
    if problem["type"] == "extra_forbidden":
        return f"{key}: is not a setting; see {DEFAULT_SETTINGS.name} for all of them"
    if problem["type"] == "missing":
        return f"{key}: is missing and has no default"
    message = problem["msg"].removeprefix("Value error, ")
    found = problem["input"] if not isinstance(problem["input"], dict) else "a mapping"
    return f"{key}: found {found!r}, allowed: {message}"
