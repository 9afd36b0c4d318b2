"""The sections of the settings file: what may stand in each, and what is refused. `settings.py` puts them together."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from jobs.common.tables import TABLES_WITH_RETENTION

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


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ratio(Section):
    """A derived daily column: numerator / denominator where the denominator is > 0, else 0."""

    name: ColumnName
    numerator: ColumnName
    denominator: ColumnName


class Columns(Section):
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


class Task(Section):
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


class Calendar(Section):
    """Days outside [first_day, last_day] are refused as data errors."""

    first_day: date = date(2000, 1, 1)
    last_day: date = date(2099, 12, 31)


class Checks(Section):
    """Limits of the data-quality gates; a day beyond one of them is not published."""

    max_quarantine_share: Share = 0.05
    max_missing_profile_share: Share = 0.10
    min_pairs_over_last_week: Share = 0.90
    min_activity_over_last_week: Share = 0.25
    max_predicted_over_recent: float = Field(20.0, gt=1)
    max_predicted_over_training_mean: float = Field(1e5, gt=1)
    closed_weekdays: tuple[Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], ...] = ()
    closed_days: tuple[date, ...] = ()


class Training(Section):
    """How `train_model` trains (see `m2m.TrainingConfig`); everything about the network itself is under `model`.

    Rows are streamed from features.samples when their encoded form does not fit in `memory_mb`. `processes` > 1 trains
    on the Spark cluster, with that many tasks at once. With `row_passes`, epochs, batches and patience follow from the
    number of rows (`m2m.TrainingConfig.for_rows`) instead of being those named here.
    """

    seed: int = 7
    epochs: int = Field(4, ge=1)
    row_passes: int | None = Field(None, ge=1)
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


class ModelSettings(Section):
    """A named model size and what to change of it; keys of overrides are the fields of `m2m.ModelConfig`.

    scenario_statistics: the scenario's levels of the last T days are knowledge too (decision 12).
    """

    name: Literal["tiny", "base", "paper"] = "base"
    overrides: dict[str, int | float | str | bool] = {}
    scenario_statistics: bool = False


class Evaluation(Section):
    """How `evaluate_models` compares models. max_samples: training rows of each; row_passes: how many rows a network
    goes through in training, from which its epochs follow, a quarter of it in a study; study_samples: rows of each part
    in a study; processes: models fitted at once, one thread each; draws: of the bootstrap."""

    max_samples: int = Field(130_000, ge=100)
    row_passes: int = Field(600_000, ge=100)
    study_samples: int = Field(20_000, ge=100)
    processes: int = Field(2, ge=1)
    seeds: tuple[Annotated[int, Field(ge=1, lt=2**31)], ...] = Field((1, 2, 3), min_length=1)
    draws: int = Field(1000, ge=10)

    @field_validator("seeds")
    @classmethod
    def _each_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("every seed once")
        return tuple(sorted(seeds))


class Scoring(Section):
    """How `score_advertisers` runs the model.

    memory_mb: for a forward pass of each task. kept_weights_mb: for generated weights that are kept between passes.
    precision: bfloat16 only where the workers' processors multiply it natively.
    """

    memory_mb: int = Field(384, ge=64)
    kept_weights_mb: int = Field(256, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"


class Selection(Section):
    """Which advertisers count as low-active, and who is held out."""

    max_predicted_active_rate: Share = 0.35
    min_recent_expenditure: Money = 0.0
    max_candidates_per_scenario: int = Field(100_000, ge=1)
    holdout_share: Share = 0.10
    holdout_salt: str = Field("holdout-1", pattern=r"^[A-Za-z0-9._-]{1,40}$")


class Engagement(Section):
    """What a candidate is offered. Money in the platform's currency."""

    rewarded_task_min_expenditure: Money = 50.0
    reward_rate: Share = 0.05
    reward_min_amount: Money = 5.0
    reward_max_amount: Money = 200.0
    valid_days: int = Field(7, ge=1)
    send_hour: int = Field(10, ge=0, le=23)
    message_lifetime_hours: int = Field(48, ge=1)


class Maintenance(Section):
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


class SparkSettings(Section):
    """Spark options of this platform: plain `spark.*` keys."""

    conf: dict[Annotated[str, Field(pattern=r"^spark\.[A-Za-z0-9._]+$")], str | int | float | bool] = {}
