"""A landing of made-up facts twice: clean, and as sources really deliver it. Both must end as the same facts.

In the messy one the rows of one pair come a hundred times, a tenth of the rows of the last days comes only for the next
run, and one row in a hundred more is a broken copy of a good one. What must lie in quarantine is counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from tests.benchmarks.facts_world import day_of, write_facts

HOT_COPIES, LATE_SHARE, CORRUPT_SHARE = 100, 0.10, 0.01
NO_DAY = "never"
Rows = list[dict[str, Any]]
# What is broken in a copy of a good row, by the reason for which it must be rejected. Parquet numbers are numbers: what
# is none at all can only come in CSV.
CORRUPTIONS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("clicks_negative", {"clicks": -1}),
    ("gmv_not_finite", {"gmv": float("nan")}),
    ("impressions_missing", {"impressions": None}),
    ("advertiser_id_missing", {"advertiser_id": None}),
    ("scenario_id_missing", {"scenario_id": " "}),
    ("scenario_id_unknown", {"scenario_id": "nowhere"}),
    ("ds_out_of_range", {"ingested_at": datetime(2020, 1, 1)}),
    ("expenditure_not_finite", {"expenditure": float("inf")}),
    ("ds_invalid", {}),  # in a folder of no day
)


@dataclass
class Messy:
    """What was written: rows by (day of the folder, reason) that must be rejected, and rows that are still to come."""

    landing: Path
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: int = 0
    late: dict[date, pa.Table] = field(default_factory=dict)

    def deliver_late_rows(self) -> None:
        """Each into the folder of its own day, beside what came in time."""
        for day, rows in self.late.items():
            _write(self.landing, str(day), rows, "part-1")


def write_clean(root: Path, pairs: int, days: int, seed: int = 1) -> Path:
    """The landing below `root`, Parquet by day; every row says when the source wrote it."""
    facts = write_facts(root / "made", pairs, days, seed=seed) / "facts"
    landing = root / "landing"
    for name in ("scenario", "advertiser_profile"):
        (landing / name).mkdir(parents=True)
        pq.write_table(DeltaTable(str(facts / name)).to_pyarrow_table(), landing / name / "part-0.parquet")
    daily = DeltaTable(str(facts / "advertiser_daily"))
    for day in map(day_of, range(days)):
        rows = daily.to_pyarrow_table(partitions=[("ds", "=", str(day))]).drop_columns(["ds", "ingested_at"])
        written = pa.array([_written_at(day)] * rows.num_rows, pa.timestamp("us", "UTC"))
        _write(landing, str(day), rows.append_column("ingested_at", written), "part-0")
    return landing


def write_messy(clean: Path, landing: Path, days: int, late_from: int, seed: int = 1) -> Messy:
    """The clean landing made messy; a tenth of the rows of the days from `late_from` on is kept back."""
    for name in ("scenario", "advertiser_profile"):
        (landing / name).mkdir(parents=True)
        pq.write_table(pq.read_table(clean / name / "part-0.parquet"), landing / name / "part-0.parquet")
    hot, messy, undated, broken_so_far = _busiest(clean, days), Messy(landing), [], 0
    for number in range(days):
        draw, day = np.random.default_rng([seed, number]), day_of(number)
        rows = pq.ParquetFile(_file(clean, str(day), "part-0")).read()
        copies = _older_copies(rows.filter(_is_pair(rows, hot)).to_pylist())
        broken = _broken(rows, draw, broken_so_far)
        broken_so_far += len(broken)
        messy.rejected[str(day), "superseded_by_newer_row"] += len(copies)
        messy.rejected.update((str(day), reason) for reason, _ in broken if reason != "ds_invalid")
        undated += [row for reason, row in broken if reason == "ds_invalid"]
        added = [*copies, *(row for reason, row in broken if reason != "ds_invalid")]
        everything = pa.concat_tables([rows, pa.Table.from_pylist(added, rows.schema)])
        everything = everything.take(pa.array(draw.permutation(everything.num_rows)))
        kept_back = round(everything.num_rows * LATE_SHARE) if number >= late_from else 0
        if kept_back:
            messy.late[day] = everything.slice(0, kept_back)
        _write(landing, str(day), everything.slice(kept_back), "part-0")
        messy.rows += everything.num_rows
    _write(landing, NO_DAY, pa.Table.from_pylist(undated, rows.schema), "part-0")
    messy.rejected[NO_DAY, "ds_invalid"] += len(undated)
    messy.rows += len(undated)
    return messy


def _older_copies(hot: Rows) -> Rows:
    """Of each row: one equal to it (a tie that changes nothing), and 98 older ones with other values, two at a time
    of the same moment."""
    copies: Rows = []
    for row in hot:
        copies.append(row)
        for number in range(HOT_COPIES - 2):
            older = row["ingested_at"] - timedelta(hours=1 + number // 2)
            other = {
                name: value + number + 1 for name, value in row.items() if isinstance(value, int | float)
            }
            copies.append({**row, **other, "ingested_at": older})
    return copies


def _broken(rows: pa.Table, draw: np.random.Generator, before: int) -> list[tuple[str, dict[str, Any]]]:
    """(reason, row) of one copy in a hundred, every kind of damage in turn; `before`: how many came before."""
    count = -(-rows.num_rows // round(1 / CORRUPT_SHARE))
    chosen = rows.take(pa.array(draw.choice(rows.num_rows, count, replace=False))).to_pylist()
    kinds = [CORRUPTIONS[(before + i) % len(CORRUPTIONS)] for i in range(count)]
    return [(reason, {**row, **damage}) for row, (reason, damage) in zip(chosen, kinds, strict=True)]


def _busiest(landing: Path, days: int) -> tuple[str, str]:
    """The pair with most rows, the first by name of several."""
    keys = ["advertiser_id", "scenario_id"]
    files = [_file(landing, str(day_of(number)), "part-0") for number in range(days)]
    rows = pa.concat_tables([pq.ParquetFile(file).read(columns=keys) for file in files])
    counted = rows.group_by(keys).aggregate([([], "count_all")])
    order = [("count_all", "descending"), *((key, "ascending") for key in keys)]
    first = counted.sort_by(order).slice(0, 1).to_pylist()[0]
    return first["advertiser_id"], first["scenario_id"]


def _is_pair(rows: pa.Table, pair: tuple[str, str]) -> pa.ChunkedArray:
    return pc.and_(pc.equal(rows["advertiser_id"], pair[0]), pc.equal(rows["scenario_id"], pair[1]))


def _written_at(day: date) -> datetime:
    """Three days after the day: older copies of a row are still not older than its day."""
    return datetime.combine(day + timedelta(days=3), time())


def _file(landing: Path, day: str, name: str) -> Path:
    return landing / "advertiser_daily" / f"ds={day}" / f"{name}.parquet"


def _write(landing: Path, day: str, rows: pa.Table, name: str) -> None:
    file = _file(landing, day, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, file)
