"""Dense arrays of one Arrow batch of advertisers: every end day's sequences are slices of the same array.

Letters: A advertisers, P pairs (advertiser x scenario), C daily columns, D days of the dense array,
T history days, W windows. Day 0 of the dense array is `first_end_day - T + 1`; today is the last of a slice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.common.settings import WINDOWS_DAYS, Settings

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
MAX_DENSE_VALUES = 8_000_000  # 64 MB of float64; larger batches are worked off in slices


@dataclass(frozen=True)
class SequencePlan:
    """What to cut out of the facts. Days are counted from 1970-01-01, both ends included."""

    daily: tuple[str, ...]
    ratios: tuple[tuple[str, int, int], ...]
    eligible: tuple[int, ...]
    active: int
    profile: tuple[str, ...]
    label_columns: tuple[int | None, ...]
    label_names: tuple[str, ...]
    first_end_day: int
    last_end_day: int
    every_days: int
    history_days: int
    horizon_days: int
    with_labels: bool

    @staticmethod
    def of(
        settings: Settings,
        first_end_day: int,
        last_end_day: int,
        with_labels: bool = False,
        every_days: int = 1,
    ) -> SequencePlan:
        """The plan of a settings file for end days first_end_day, + every_days, ... last_end_day."""
        columns, daily = settings.columns, tuple(settings.columns.daily)
        return SequencePlan(
            daily=daily,
            ratios=tuple(
                (r.name, daily.index(r.numerator), daily.index(r.denominator)) for r in columns.ratios
            ),
            eligible=tuple(daily.index(c) for c in settings.eligible_columns),
            active=daily.index(settings.active_day_column),
            profile=tuple(columns.profile),
            label_columns=tuple(daily.index(t.column) if t.column else None for t in settings.tasks),
            label_names=tuple(f"label_{name}" for name in settings.task_names),
            first_end_day=first_end_day,
            last_end_day=last_end_day,
            every_days=every_days,
            history_days=settings.history_days,
            horizon_days=settings.horizon_days,
            with_labels=with_labels,
        )

    @property
    def first_day(self) -> int:
        """First day of facts that matters."""
        return self.first_end_day - self.history_days + 1

    @property
    def last_day(self) -> int:
        """Last day of facts that matters: labels look horizon_days ahead."""
        return self.last_end_day + (self.horizon_days if self.with_labels else 0)

    @property
    def sequence_columns(self) -> tuple[str, ...]:
        """Daily columns, then ratios."""
        return (*self.daily, *(name for name, _, _ in self.ratios))


def emit_batches(
    batches: Iterator[pa.RecordBatch], plan: SequencePlan, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """One row per advertiser in, one row per pair and end day out (see `sequences.py` for both schemas)."""
    rows_at_once = max(1, MAX_DENSE_VALUES // (len(plan.daily) * (plan.last_day - plan.first_day + 1) * 2))
    for batch in batches:
        for start in range(0, batch.num_rows, rows_at_once):
            yield from _emit(AdvertiserBlock(batch.slice(start, rows_at_once), plan), plan, schema)


class AdvertiserBlock:
    """Advertisers of one batch, unpacked from Arrow lists into arrays."""

    def __init__(self, batch: pa.RecordBatch, plan: SequencePlan) -> None:
        pairs = batch.column("pairs")
        self.advertiser_of_pair = np.repeat(np.arange(batch.num_rows), pairs.value_lengths().to_numpy())
        flat = pairs.flatten()
        self.advertiser_id = batch.column("advertiser_id").take(pa.array(self.advertiser_of_pair))
        self.scenario_id = flat.field("scenario_id")
        self.first_seen = flat.field("first_day").to_numpy()
        self.dense = _scatter(flat.field("days"), plan)
        starts = np.flatnonzero(np.diff(self.advertiser_of_pair, prepend=-1))
        totals = np.add.reduceat(self.dense, starts, axis=0)
        self.totals = totals[np.cumsum(np.diff(self.advertiser_of_pair, prepend=-1) > 0) - 1]
        snapshots = batch.column("snapshots")
        self.snapshots = snapshots.flatten()
        lengths = snapshots.value_lengths().fill_null(0).to_numpy()
        self.snapshot_offset = np.concatenate([[0], np.cumsum(lengths)])[:-1]
        self.advertiser_of_snapshot = np.repeat(np.arange(batch.num_rows), lengths)

    def profile_rows(self, day: int) -> pa.Array:
        """Index [P] of the newest snapshot with ds <= day, null where there is none. Snapshots come oldest first."""
        snapshot_days = self.snapshots.field("day").to_numpy()
        known = np.bincount(
            self.advertiser_of_snapshot[snapshot_days <= day], minlength=len(self.snapshot_offset)
        )
        newest = (self.snapshot_offset + known - 1)[self.advertiser_of_pair]
        return pa.array(newest, type=pa.int64(), mask=known[self.advertiser_of_pair] == 0)


def _scatter(days: pa.ListArray, plan: SequencePlan) -> Floats:
    """Sparse daily rows of each pair -> dense [P, C, D]; absent days are 0."""
    pair = np.repeat(np.arange(len(days)), days.value_lengths().to_numpy())
    rows = days.flatten()
    day = rows.field("day").to_numpy() - plan.first_day
    dense = np.zeros((len(days), len(plan.daily), plan.last_day - plan.first_day + 1))
    for index, name in enumerate(plan.daily):
        dense[pair, index, day] = rows.field(name).to_numpy()
    return dense


def _emit(block: AdvertiserBlock, plan: SequencePlan, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for end_day in range(plan.first_end_day, plan.last_end_day + 1, plan.every_days):
        last = end_day - plan.first_day + 1
        history = block.dense[:, :, last - plan.history_days : last]
        eligible = np.asarray((history[:, plan.eligible, :] > 0).any(axis=(1, 2)), dtype=np.bool_)
        kept = block.first_seen <= end_day
        if plan.with_labels:
            kept &= eligible
        rows = np.flatnonzero(kept)
        if len(rows):
            yield _batch(block, plan, schema, rows, end_day, eligible[rows])


def _batch(
    block: AdvertiserBlock,
    plan: SequencePlan,
    schema: pa.Schema,
    rows: NDArray[np.intp],
    end_day: int,
    eligible: Flags,
) -> pa.RecordBatch:
    last = end_day - plan.first_day + 1
    index = pa.array(rows)
    profile = block.snapshots.take(block.profile_rows(end_day).take(index))
    columns: list[pa.Array] = [
        block.advertiser_id.take(index),
        block.scenario_id.take(index),
        pa.array(np.full(len(rows), end_day, dtype=np.int32)).cast(pa.date32()),
        *_sequences(block.dense[rows, :, last - plan.history_days : last], plan),
        _lists(_window_sums(block.totals[rows, :, max(0, last - max(WINDOWS_DAYS)) : last], plan)),
        *(profile.field(name) for name in plan.profile),
        pa.array(eligible),
    ]
    if plan.with_labels:
        columns += _labels(block.dense[rows, :, last : last + plan.horizon_days], plan)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _sequences(history: Floats, plan: SequencePlan) -> Iterator[pa.Array]:
    for index in range(len(plan.daily)):
        yield _lists(history[:, index])
    for _, numerator, denominator in plan.ratios:
        yield _lists(ratio(history[:, numerator], history[:, denominator]))


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """numerator / denominator where the denominator is > 0, else 0; any shape."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _window_sums(totals: Floats, plan: SequencePlan) -> Floats:
    """Daily totals [P, C, <= 40] of the advertiser -> [P, W * (C + ratios)], window-major."""
    sums = []
    for window in WINDOWS_DAYS:
        of_window = totals[:, :, -min(window, plan.history_days) :].sum(axis=2)
        ratios = [ratio(of_window[:, n], of_window[:, d])[:, None] for _, n, d in plan.ratios]
        sums.append(np.concatenate([of_window, *ratios], axis=1))
    return np.concatenate(sums, axis=1)


def _labels(future: Floats, plan: SequencePlan) -> Iterator[pa.Array]:
    for column in plan.label_columns:
        values = (
            future[:, column].sum(axis=1) if column is not None else (future[:, plan.active] > 0).sum(axis=1)
        )
        yield pa.array(values.astype(np.float64))


def _lists(values: Floats) -> pa.ListArray:
    """[N, L] -> N lists of L float32."""
    count, length = values.shape
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * length)
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel()))
