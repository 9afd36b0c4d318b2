"""The one settings file: what the platform's columns, tasks, rules and options are.

`load_settings` reads YAML, validates every key (unknown keys are refused) and returns immutable plain objects. A wrong
setting raises `SettingsError` with the key, the value found and what is allowed.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from jobs.common.tables import TABLES_WITH_RETENTION

DEFAULT_SETTINGS = Path(__file__).parents[1] / "conf" / "default.yaml"
COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
KEY_COLUMNS = ("advertiser_id", "scenario_id", "ds")
SCENARIO_LEVELS = ("scenario_active_level", "scenario_spend_level", "scenario_zero_level")
"""Levels of a scenario's last T days in features.*: active advertisers, spend per advertiser, zero share."""
# Of our own columns, of tables and on the way to them.
RESERVED_NAMES = frozenset(
    {*KEY_COLUMNS, *SCENARIO_LEVELS, "ingested_at", "eligible", "active_rate", "dq_errors", "source_file"}
    | {"kind", "day", "first_ds", "advertiser_window_sums"}
    | {"active_advertisers", "spend_per_advertiser", "zero_share"}
)
SAFE_VACUUM_HOURS = 168
VACUUM_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"
WINDOWS_DAYS = (1, 3, 7, 14, 28, 40)
"""Windows of the dense sums beside the sequences (m2m_model.md, point 3)."""


class SettingsError(ValueError):
    """A setting is missing, unknown or has a value that is not allowed."""


def _column_name(value: Any) -> Any:
    if not isinstance(value, str) or not COLUMN_NAME.fullmatch(value):
        raise ValueError(
            "a column name: lower case letters, digits and _, starting with a letter, at most 63"
        )
    if value in RESERVED_NAMES:
        raise ValueError(f"a name that is not reserved; reserved are {', '.join(sorted(RESERVED_NAMES))}")
    return value


def _table_with_retention(value: Any) -> Any:
    if value not in TABLES_WITH_RETENTION:
        raise ValueError(f"a table that can lose days: {', '.join(TABLES_WITH_RETENTION)}")
    return value


ColumnName = Annotated[str, BeforeValidator(_column_name)]
NumberType = Literal["long", "double"]
AttributeType = Literal["string", "int", "long", "date"]
Share = Annotated[float, Field(ge=0, le=1)]
Money = Annotated[float, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ratio(_Model):
    """A derived daily column: numerator / denominator where the denominator is > 0, else 0."""

    name: ColumnName
    numerator: ColumnName
    denominator: ColumnName


class Columns(_Model):
    """The platform's own columns, by kind. Order is the order of the model's inputs."""

    behaviours: dict[ColumnName, NumberType] = Field(min_length=1)
    performance: dict[ColumnName, NumberType] = Field(min_length=1)
    ratios: tuple[Ratio, ...] = ()
    profile: dict[ColumnName, AttributeType] = Field(min_length=1)
    scenario: dict[ColumnName, AttributeType] = Field(min_length=1)

    @property
    def daily(self) -> dict[str, NumberType]:
        """Source columns of advertiser_daily: behaviours, then performance."""
        return {**self.behaviours, **self.performance}

    @property
    def sequences(self) -> tuple[str, ...]:
        """Sequence columns in the model's order: behaviours, performance, ratios."""
        return (*self.daily, *(ratio.name for ratio in self.ratios))


class Task(_Model):
    """A prediction task: the sum of `column` over the next `horizon_days`, or the number of active days."""

    name: ColumnName
    column: ColumnName | None = None
    count_active_days: bool = False
    weight: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _one_source(self) -> Task:
        if (self.column is None) != self.count_active_days:
            raise ValueError("either column: NAME or count_active_days: true")
        return self


class Calendar(_Model):
    """Days outside [first_day, last_day] are refused as data errors."""

    first_day: date = date(2000, 1, 1)
    last_day: date = date(2099, 12, 31)


class Checks(_Model):
    """Limits of the data-quality gates; a day beyond one of them is not published."""

    max_quarantine_share: Share = 0.05
    max_missing_profile_share: Share = 0.10
    min_pairs_over_last_week: Share = 0.90
    min_activity_over_last_week: Share = 0.25
    max_predicted_over_recent: float = Field(20.0, gt=1)
    closed_weekdays: tuple[Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], ...] = ()
    closed_days: tuple[date, ...] = ()


class Training(_Model):
    """How `train_model` trains (see `m2m.TrainingConfig`); everything about the network itself is under `model`.

    Rows are streamed from features.samples when their encoded form does not fit in `memory_mb`. `processes` > 1 trains
    on the Spark cluster, with that many tasks at once.
    """

    seed: int = 7
    epochs: int = Field(4, ge=1)
    batch_size: int = Field(256, ge=8)
    optimiser: Literal["adam", "clippy"] = "adam"
    learning_rate: float = Field(2e-3, gt=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    gradient_norm_limit: float | None = Field(None, gt=0)
    patience_epochs: int = Field(2, ge=1)
    as_of_days: int = Field(74, ge=3)
    max_samples: int | None = Field(None, ge=100)
    window_rows: int = Field(32_768, ge=1)
    memory_mb: int = Field(1024, ge=0)
    loader_processes: int = Field(1, ge=0)
    checkpoint_steps: int = Field(1000, ge=1)
    processes: int = Field(1, ge=1)
    threads: int = Field(1, ge=1)
    device: Literal["cpu", "cuda"] = "cpu"


class ModelSettings(_Model):
    """A named model size and what to change of it; keys of overrides are the fields of `m2m.ModelConfig`.

    scenario_statistics: the scenario's levels of the last T days are knowledge too (decision 12).
    """

    name: Literal["tiny", "base", "paper"] = "base"
    overrides: dict[str, int | float | str | bool] = {}
    scenario_statistics: bool = False


class Selection(_Model):
    """Which advertisers count as low-active, and who is held out."""

    max_predicted_active_rate: Share = 0.35
    min_recent_expenditure: Money = 0.0
    max_candidates_per_scenario: int = Field(100_000, ge=1)
    holdout_share: Share = 0.10
    holdout_salt: str = Field("holdout-1", pattern=r"^[A-Za-z0-9._-]{1,40}$")


class Engagement(_Model):
    """What a candidate is offered. Money in the platform's currency."""

    rewarded_task_min_expenditure: Money = 50.0
    reward_rate: Share = 0.05
    reward_min_amount: Money = 5.0
    reward_max_amount: Money = 200.0
    valid_days: int = Field(7, ge=1)
    send_hour: int = Field(10, ge=0, le=23)
    message_lifetime_hours: int = Field(48, ge=1)


class Maintenance(_Model):
    """What `table_maintenance` deletes and puts together. keep_days: by table; a table not named keeps every day."""

    keep_days: dict[
        Annotated[str, BeforeValidator(_table_with_retention)], Annotated[int, Field(ge=14)] | None
    ] = {
        "features.sequences": 60,
        "features.samples": 120,
        "scores.advertiser_scores": 400,
    }
    target_file_mb: int = Field(128, ge=1)
    vacuum_hours: int = Field(SAFE_VACUUM_HOURS, ge=0)


class SparkSettings(_Model):
    """Spark options of this platform: plain `spark.*` keys."""

    conf: dict[Annotated[str, Field(pattern=r"^spark\.[A-Za-z0-9._]+$")], str | int | float | bool] = {}


class Settings(_Model):
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
