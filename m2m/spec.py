"""What the model reads and what it predicts.

Letters: F sequence columns, W window lengths, m tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from m2m.plain import exact_entries


@dataclass(frozen=True)
class FeatureSpec:
    """Column names and lengths shared by training and scoring (definitions 1-4 and equation 1).

    behaviours, performance: daily sequence columns, in the order of `Samples.sequences`; ratios are
    performance.
    knowledge: categorical columns of the scenario attributes and the advertiser profile.
    tasks: what is predicted, each a total over the next `horizon_days` days.
    history_days: T, the length of every sequence. windows_days: lengths of the window sums, in days.
    bounded_tasks: task -> largest possible value; predictions are clipped to it (active days <=
    horizon_days).
    task_columns: task -> sequence column of which it is the coming total, so that its past can be told; counted_tasks:
    those that count the days on which that column is above 0 instead of summing it. When one is left out, nothing is
    made of the past of any (`m2m.recent_days`).
    scenario_column: the knowledge column that parts the metrics into cells (task x scenario).
    Raises ValueError when a part is empty, repeated or out of range.
    """

    behaviours: tuple[str, ...]
    performance: tuple[str, ...]
    knowledge: tuple[str, ...]
    tasks: tuple[str, ...]
    history_days: int
    horizon_days: int
    windows_days: tuple[int, ...] = (1, 3, 7, 14, 28, 40)
    bounded_tasks: Mapping[str, float] = field(default_factory=dict)
    task_columns: Mapping[str, str] = field(default_factory=dict)
    counted_tasks: tuple[str, ...] = ()
    scenario_column: str = "scenario_id"

    def __post_init__(self) -> None:
        for name in ("behaviours", "performance", "knowledge", "tasks"):
            _check_names(name, getattr(self, name))
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_names("behaviours and performance together", self.sequence_columns)
        for name in ("history_days", "horizon_days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 1")
        windows = tuple(int(days) for days in self.windows_days)
        if not windows or min(windows) < 1 or list(windows) != sorted(set(windows)):
            raise ValueError(f"windows_days is {windows}, expected increasing whole days from 1 on")
        object.__setattr__(self, "windows_days", windows)
        object.__setattr__(self, "counted_tasks", tuple(self.counted_tasks))
        _check_among("bounded_tasks names", self.bounded_tasks, "tasks", self.tasks)
        _check_among("task_columns names", self.task_columns, "tasks", self.tasks)
        _check_among("task_columns reads", self.task_columns.values(), "columns", self.sequence_columns)
        _check_among("counted_tasks names", self.counted_tasks, "tasks", tuple(self.task_columns))
        if self.scenario_column not in self.knowledge:
            found = list(self.knowledge)
            raise ValueError(
                f"scenario_column is {self.scenario_column!r}, expected one of knowledge {found}"
            )
        object.__setattr__(self, "bounded_tasks", {t: float(v) for t, v in self.bounded_tasks.items()})
        object.__setattr__(self, "task_columns", dict(self.task_columns))

    @property
    def sequence_columns(self) -> tuple[str, ...]:
        """Behaviours, then performance: the order of axis F."""
        return self.behaviours + self.performance

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        plain = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> FeatureSpec:
        """The inverse of `to_dict`. Raises ValueError naming a missing or unknown entry."""
        entries = exact_entries(cls, plain, "feature spec")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()
        }
        return cls(**values)


def _check_among(what: str, names: Iterable[str], kind: str, known: tuple[str, ...]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"{what} {unknown}, expected only {kind} among {list(known)}")


def _check_names(what: str, names: Iterable[str]) -> None:
    listed = [] if isinstance(names, str) else list(names)
    if not listed:
        raise ValueError(f"{what} is {names!r}, expected a list of one or more column names")
    repeated = sorted({name for name in listed if listed.count(name) > 1})
    if repeated:
        raise ValueError(f"{what} repeats {repeated}, expected every name once")
