"""Rows for the model as numpy arrays.

Letters: N rows, F sequence columns, T days, W window lengths, m tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from m2m.spec import FeatureSpec

Array = npt.NDArray[np.generic]


@dataclass
class Samples:
    """One row per (advertiser, scenario, as-of day).

    sequences: float32 [N, F, T], behaviours then performance, oldest day first; NaN means missing.
    advertiser_window_sums: float32 [N, W * F], window-major, sums over all scenarios of the advertiser.
    weekday: int64 [N], 0 = Monday, of the as-of day.
    knowledge: column -> text [N]; an empty text means missing.
    labels: float64 [N, m], totals of the next days in each task's own unit; None when only scoring.
    keys: optional columns carried along ("ds" is read for the bundle's training days).
    Raises ValueError when the arrays do not fit each other.
    """

    sequences: npt.NDArray[np.float32]
    advertiser_window_sums: npt.NDArray[np.float32]
    weekday: npt.NDArray[np.int64]
    knowledge: dict[str, npt.NDArray[np.str_]]
    labels: npt.NDArray[np.float64] | None = None
    keys: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sequences = np.ascontiguousarray(self.sequences, dtype=np.float32)
        self.advertiser_window_sums = np.ascontiguousarray(self.advertiser_window_sums, dtype=np.float32)
        self.weekday = np.asarray(self.weekday, dtype=np.int64)
        self.knowledge = {name: np.asarray(value, dtype=np.str_) for name, value in self.knowledge.items()}
        self.keys = {name: np.asarray(value) for name, value in self.keys.items()}
        if self.labels is not None:
            self.labels = np.ascontiguousarray(self.labels, dtype=np.float64)
        self._check_shapes()

    def _check_shapes(self) -> None:
        _check_rank("sequences", self.sequences, 3, "[rows, columns, days]")
        _check_rank("advertiser_window_sums", self.advertiser_window_sums, 2, "[rows, windows * columns]")
        parts: dict[str, Array] = {"advertiser_window_sums": self.advertiser_window_sums}
        if self.labels is not None:
            _check_rank("labels", self.labels, 2, "[rows, tasks]")
            parts["labels"] = self.labels
        columns = {"weekday": self.weekday, **{f"knowledge {n}": v for n, v in self.knowledge.items()}}
        columns.update({f"key {name}": value for name, value in self.keys.items()})
        for name, value in columns.items():
            _check_rank(name, value, 1, "[rows]")
        for name, value in {**parts, **columns}.items():
            if len(value) != len(self):
                raise ValueError(f"{name} has {len(value)} rows, expected {len(self)} as in sequences")
        if len(self) and not 0 <= self.weekday.min() <= self.weekday.max() <= 6:
            found = f"{self.weekday.min()}..{self.weekday.max()}"
            raise ValueError(f"weekday runs over {found}, expected 0 (Monday) to 6 (Sunday)")

    def __len__(self) -> int:
        return len(self.sequences)

    def check_against(self, spec: FeatureSpec, labels: bool = False) -> None:
        """Raise ValueError when these rows do not carry what `spec` names; with `labels`, labels as well."""
        found, expected = self.sequences.shape[1:], (len(spec.sequence_columns), spec.history_days)
        if found != expected:
            names = list(spec.sequence_columns)
            raise ValueError(f"sequences are {found} (columns, days), expected {expected}: {names}")
        width = len(spec.windows_days) * len(spec.sequence_columns)
        if self.advertiser_window_sums.shape[1] != width:
            raise ValueError(
                f"advertiser_window_sums has {self.advertiser_window_sums.shape[1]} columns, expected {width}"
            )
        missing = [name for name in spec.knowledge if name not in self.knowledge]
        if missing:
            raise ValueError(f"knowledge lacks {missing}, expected all of {list(spec.knowledge)}")
        if labels:
            self._check_labels(spec)

    def checked_labels(self, spec: FeatureSpec) -> npt.NDArray[np.float64]:
        """The labels [N, m], after `check_against` with labels. Raises its ValueError."""
        self.check_against(spec, labels=True)
        if self.labels is None:
            raise ValueError("samples have no labels, expected some")
        return self.labels

    def _check_labels(self, spec: FeatureSpec) -> None:
        if self.labels is None:
            raise ValueError(f"samples have no labels, expected one column for each of {list(spec.tasks)}")
        if self.labels.shape[1] != len(spec.tasks):
            raise ValueError(f"labels have {self.labels.shape[1]} columns, expected {list(spec.tasks)}")
        for index, task in enumerate(spec.tasks):
            column = self.labels[:, index]
            bad = np.flatnonzero(~(np.isfinite(column) & (column >= 0)))
            if len(bad):
                raise ValueError(
                    f"label {task} holds {column[bad[0]]} in row {bad[0]}, expected finite values from 0 on"
                )

    def take(self, indices: npt.NDArray[np.int64]) -> Samples:
        """The rows `indices`, in that order."""
        return Samples(
            sequences=self.sequences[indices],
            advertiser_window_sums=self.advertiser_window_sums[indices],
            weekday=self.weekday[indices],
            knowledge={name: value[indices] for name, value in self.knowledge.items()},
            labels=None if self.labels is None else self.labels[indices],
            keys={name: value[indices] for name, value in self.keys.items()},
        )

    @staticmethod
    def concat(parts: Sequence[Samples]) -> Samples:
        """All rows of `parts`, one after the other. Raises ValueError when their columns differ."""
        if not parts:
            raise ValueError("no samples to join, expected at least one part")
        first = parts[0]
        for index, part in enumerate(parts):
            if _columns(part) != _columns(first):
                raise ValueError(f"part {index} has columns {_columns(part)}, expected {_columns(first)}")
        labels = [part.labels for part in parts if part.labels is not None]
        return Samples(
            sequences=np.concatenate([part.sequences for part in parts]),
            advertiser_window_sums=np.concatenate([part.advertiser_window_sums for part in parts]),
            weekday=np.concatenate([part.weekday for part in parts]),
            knowledge=_concat_columns([part.knowledge for part in parts]),
            labels=np.concatenate(labels) if labels else None,
            keys=_concat_columns([part.keys for part in parts]),
        )


def _columns(samples: Samples) -> tuple[object, ...]:
    return (
        sorted(samples.knowledge),
        sorted(samples.keys),
        samples.sequences.shape[1:],
        samples.labels is not None,
    )


def _concat_columns(parts: Sequence[Mapping[str, npt.NDArray[Any]]]) -> dict[str, npt.NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _check_rank(name: str, value: Array, rank: int, meaning: str) -> None:
    if value.ndim != rank:
        raise ValueError(f"{name} has shape {value.shape}, expected {rank} axes: {meaning}")
