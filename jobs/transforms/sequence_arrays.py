"""One partition of flat rows -> sequences: every end day of a pair is a slice of the same dense array.

Letters: A advertisers, P pairs (advertiser x scenario), N flat rows, C daily columns, D days of the dense arrays,
T history days, W windows. Day 0 of the dense arrays is `plan.first_day`; today is the last of a slice.

A partition holds all rows of its advertisers, in any order. It is kept as it came (some 100 bytes per row); only
blocks of advertisers are made dense, so memory follows the facts that are there, not pairs x days.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.common.settings_sections import SCENARIO_LEVELS
from jobs.transforms.sequence_plan import SequencePlan

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
FACT, SEEN, SNAPSHOT = 0, 1, 2
"""Kinds of flat rows: a day's values of a pair, a day on which a pair is known to be seen, a profile snapshot."""
BLOCK_VALUES = 2_000_000  # dense values at once: 16 MB of float64, some 100 MB with all that is made of them


def emit_partition(
    batches: Iterator[pa.RecordBatch], plan: SequencePlan, scenarios: pa.Table, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Flat rows of one partition in, one row per pair and end day out (see `sequences.py` for all schemas)."""
    held = list(batches)
    if not held:
        return
    advertisers = AdvertiserRows(pa.Table.from_batches(held), plan, ScenarioRows(scenarios))
    held.clear()
    for block in advertisers.blocks(max(1, BLOCK_VALUES // (len(plan.daily) * plan.days))):
        for end_day in plan.end_days:
            yield from block.emit(end_day, schema)


class AdvertiserRows:
    """All rows of some advertisers, sorted by pair, not yet dense.

    advertiser_of_pair, scenario_of_pair, first_seen: [P]; pair, day and each of `values`: [facts], day counted from
    `plan.first_day`; snapshot_advertiser, snapshot_day and each of `profile`: [snapshots].
    """

    def __init__(self, rows: pa.Table, plan: SequencePlan, scenarios: ScenarioRows) -> None:
        self.plan, self.scenarios = plan, scenarios
        ids = rows["advertiser_id"].combine_chunks().dictionary_encode()
        self.advertiser_ids, advertiser = ids.dictionary, ids.indices.to_numpy().astype(np.int64)
        kind, day = rows["kind"].to_numpy(), rows["day"].to_numpy().astype(np.int64)
        self._take_snapshots(rows, advertiser, day, kind == SNAPSHOT)
        of_pair = np.flatnonzero(kind != SNAPSHOT)
        scenario = self._scenarios(rows["scenario_id"].combine_chunks().take(pa.array(of_pair)))
        self._take_pairs(advertiser[of_pair] * max(1, len(self.scenario_ids)) + scenario, day[of_pair])
        self._take_values(rows, of_pair, day[of_pair], kind[of_pair] == FACT)

    def _scenarios(self, ids: pa.Array) -> Ints:
        """Codes [N] by the order of the ids: an advertiser's sums must not depend on the order of its rows."""
        encoded = ids.dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        self.scenario_ids = encoded.dictionary.take(pa.array(order))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        codes: Ints = rank[encoded.indices.to_numpy()]
        return codes

    def _take_pairs(self, code: Ints, day: Ints) -> None:
        codes, self._pair_of_row = np.unique(code, return_inverse=True)
        scenarios = max(1, len(self.scenario_ids))
        self.advertiser_of_pair, self.scenario_of_pair = codes // scenarios, codes % scenarios
        self.first_seen = np.full(len(codes), np.iinfo(np.int64).max)
        np.minimum.at(self.first_seen, self._pair_of_row, day)

    def _take_values(self, rows: pa.Table, of_pair: Ints, day: Ints, is_fact: Flags) -> None:
        inside = is_fact & (day >= self.plan.first_day) & (day <= self.plan.last_day)
        kept = np.flatnonzero(inside)
        kept = kept[np.argsort(self._pair_of_row[kept], kind="stable")]
        self.pair, self.day = self._pair_of_row[kept], day[kept] - self.plan.first_day
        self.values: list[Doubles] = [rows[name].to_numpy()[of_pair[kept]] for name in self.plan.daily]
        del self._pair_of_row

    def _take_snapshots(self, rows: pa.Table, advertiser: Ints, day: Ints, is_snapshot: Flags) -> None:
        """Snapshots sorted by advertiser and day."""
        found = np.flatnonzero(is_snapshot)
        found = found[np.lexsort((day[found], advertiser[found]))]
        self.snapshot_advertiser, self.snapshot_day = advertiser[found], day[found]
        index = pa.array(found)
        self.profile = [rows[name].combine_chunks().take(index) for name in self.plan.profile]

    def blocks(self, pairs_at_once: int) -> Iterator[DenseBlock]:
        """Dense blocks of about so many pairs; an advertiser is never cut."""
        ends = np.flatnonzero(np.diff(self.advertiser_of_pair, append=-1)) + 1
        first = 0
        while first < len(self.advertiser_of_pair):
            # The last advertiser that ends within so many pairs, or one alone that is larger.
            within = np.searchsorted(ends, first + pairs_at_once, side="right") - 1
            end = int(ends[max(within, np.searchsorted(ends, first, side="right"))])
            yield DenseBlock(self, first, end)
            first = end


class ScenarioRows:
    """What is known of each scenario as of each end day: attributes, then levels."""

    def __init__(self, rows: pa.Table) -> None:
        """rows: scenario_id, day, ... (`sequences.scenario_rows`), one row per scenario and end day."""
        keys = zip(rows["scenario_id"].to_pylist(), rows["day"].to_pylist(), strict=True)
        self._place = {key: place for place, key in enumerate(keys)}
        self._known = {name: rows[name].combine_chunks() for name in rows.column_names[2:]}

    def columns(self, scenario_ids: pa.Array, day: int, scenario: Ints) -> Iterator[pa.Array]:
        """Columns [P] of pairs with these scenario codes; of an unknown scenario null, and level 0."""
        of_code = [self._place.get((name, day)) for name in scenario_ids.to_pylist()]
        places = pa.array(of_code, pa.int64()).take(pa.array(scenario))
        for name, known in self._known.items():
            found = known.take(places)
            yield found.fill_null(0) if name in SCENARIO_LEVELS else found


class DenseBlock:
    """Pairs [first, end) of an `AdvertiserRows`, dense: absent days are 0.

    dense: [C, P, D] as double, for sums; sequences: [P, D] of each column and ratio, as they are written; alive_days:
    [P, D + 1] eligible days before each day; totals: the advertisers' sums [D, C, A].
    """

    def __init__(self, rows: AdvertiserRows, first: int, end: int) -> None:
        self.rows, self.plan, self.pairs = rows, rows.plan, slice(first, end)
        self.advertiser = rows.advertiser_of_pair[self.pairs]
        self.first_seen = rows.first_seen[self.pairs]
        self.dense = self._scatter(first, end)
        ratios = [ratio(self.dense[n], self.dense[d]) for _, n, d in self.plan.ratios]
        self.sequences: list[Floats] = [a.astype(np.float32) for a in (*self.dense, *ratios)]
        alive = (self.dense[list(self.plan.eligible)] > 0).any(axis=0)
        self.alive_days = np.cumsum(np.pad(alive, ((0, 0), (1, 0))), axis=1, dtype=np.int32)
        is_first = np.diff(self.advertiser, prepend=-1) > 0
        totals = np.add.reduceat(self.dense, np.flatnonzero(is_first), axis=1)
        self.totals = WindowSums(np.ascontiguousarray(totals.transpose(2, 0, 1)), max(self.plan.windows_days))
        self.place_of_advertiser = np.cumsum(is_first) - 1
        of_block = np.searchsorted(rows.snapshot_advertiser, [self.advertiser[0], self.advertiser[-1] + 1])
        self.snapshots = np.arange(*of_block)

    def _scatter(self, first: int, end: int) -> Doubles:
        """Sparse daily rows of each pair -> dense [C, P, D]."""
        plan, rows = self.plan, self.rows
        dense = np.zeros((len(plan.daily), end - first, plan.days))
        inside = slice(*np.searchsorted(rows.pair, [first, end]))
        pair, day = rows.pair[inside] - first, rows.day[inside]
        for column, values in zip(dense, rows.values, strict=True):
            column[pair, day] = values[inside]
        return dense

    def emit(self, end_day: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of one end day: of every pair seen by then, or with labels of those that are eligible."""
        last = end_day - self.plan.first_day + 1
        alive = self.alive_days[:, last] > self.alive_days[:, last - self.plan.history_days]
        kept = self.first_seen <= end_day
        if self.plan.with_labels:
            kept &= alive
        pairs = np.flatnonzero(kept)
        if len(pairs):
            columns = self._columns(pairs, end_day, alive)
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _columns(self, pairs: Ints, end_day: int, alive: Flags) -> list[pa.Array]:
        plan, last = self.plan, end_day - self.plan.first_day + 1
        scenario = self.rows.scenario_of_pair[self.pairs][pairs]
        history = slice(last - plan.history_days, last)
        columns: list[pa.Array] = [
            self.rows.advertiser_ids.take(pa.array(self.advertiser[pairs])),
            self.rows.scenario_ids.take(pa.array(scenario)),
            pa.array(np.full(len(pairs), end_day, dtype=np.int32)).cast(pa.date32()),
            *(_lists(sequence[pairs, history]) for sequence in self.sequences),
            _lists(self._window_sums(last - 1)[self.place_of_advertiser[pairs]]),
            *self._profiles(pairs, end_day),
            *self.rows.scenarios.columns(self.rows.scenario_ids, end_day, scenario),
            pa.array(alive[pairs]),
        ]
        return columns + (self._labels(pairs, last) if plan.with_labels else [])

    def _profiles(self, pairs: Ints, day: int) -> Iterator[pa.Array]:
        """Profile columns [P] of the newest snapshot with ds <= day, null where there is none."""
        rows, advertiser = self.rows, self.advertiser[pairs]
        known = self.snapshots[rows.snapshot_day[self.snapshots] <= day]
        # Snapshots lie by advertiser and day: the last known one at or before the advertiser's end.
        place = np.searchsorted(rows.snapshot_advertiser[known], advertiser, side="right") - 1
        found = np.zeros(len(pairs), dtype=bool)
        found[place >= 0] = rows.snapshot_advertiser[known[place[place >= 0]]] == advertiser[place >= 0]
        index = np.zeros(len(pairs), dtype=np.int64)
        index[found] = known[place[found]]
        for column in rows.profile:
            yield column.take(pa.array(index, mask=~found))

    def _window_sums(self, day: int) -> Floats:
        """The advertisers' sums over each window that ends with dense day `day` [A, W * (C + ratios)], window-major."""
        sums: list[Doubles] = []
        for window in self.plan.windows_days:
            of_window = self.totals.ending(day, window)
            ratios = [ratio(of_window[n], of_window[d]) for _, n, d in self.plan.ratios]
            sums += [*of_window, *ratios]
        return np.stack(sums, axis=1, dtype=np.float32, casting="same_kind")

    def _labels(self, pairs: Ints, last: int) -> list[pa.Array]:
        """Sums over the horizon_days after day `last - 1`, or the number of active days among them."""
        labels = []
        future = slice(last, last + self.plan.horizon_days)
        for column in self.plan.label_columns:
            days = self.dense[self.plan.active if column is None else column][pairs, future]
            values = days if column is not None else days > 0
            labels.append(pa.array(values.sum(axis=1).astype(np.float64)))
        return labels


class WindowSums:
    """Sums over windows of any length, put together from sums over 1, 2, 4, 8, ... days.

    How a sum is put together depends on its length alone, so a range gives to the last bit what each of its days alone
    gives; differences of running totals would not.
    """

    def __init__(self, daily: Doubles, longest: int) -> None:
        """daily: [D, ...]; longest: no window is longer, days."""
        self.powers = [daily]
        while 2 * (step := 2 ** (len(self.powers) - 1)) <= longest:
            doubled = self.powers[-1].copy()
            doubled[step:] += self.powers[-1][:-step]
            self.powers.append(doubled)

    def ending(self, day: int, window: int) -> Doubles:
        """Sum of daily[day - window + 1 .. day], shape [...]; the window must lie within the days."""
        total: Doubles | None = None
        for power in reversed(range(len(self.powers))):
            if window & (1 << power):
                part = self.powers[power][day]
                total = part if total is None else total + part
                day -= 1 << power
        return np.zeros_like(self.powers[0][0]) if total is None else total


def ratio(numerator: Doubles, denominator: Doubles) -> Doubles:
    """numerator / denominator where the denominator is > 0, else 0; any shape."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _lists(values: Floats) -> pa.ListArray:
    """[N, L] -> N lists of L float32."""
    count, length = values.shape
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * length)
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(values).ravel()))
