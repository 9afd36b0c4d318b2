"""The two build jobs on the small world: exact days, complete labels, and clear refusals."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs import build_samples, build_sequences
from jobs.common.model_inputs import feature_spec
from jobs.common.sample_source import DeltaSamples
from jobs.common.warehouse import Warehouse
from tests.small_world import AS_OF, SCORED, WORLD, SmallWorld

pytestmark = pytest.mark.slow


def test_sequences_hold_every_pair_ever_seen_on_the_days_asked_for(small_world: SmallWorld) -> None:
    rows = small_world.warehouse.read("features.sequences")
    assert sorted(str(row.ds) for row in rows.select("ds").distinct().collect()) == list(SCORED)
    lengths = rows.selectExpr("size(expenditure)", "size(advertiser_window_sums)").distinct().collect()
    assert [tuple(row) for row in lengths] == [(40, 54)]


def test_every_other_as_of_day_has_samples(small_world: SmallWorld) -> None:
    found = {
        row.ds for row in small_world.warehouse.read("features.samples").select("ds").distinct().collect()
    }
    first, last = (date.fromisoformat(day) for day in AS_OF)
    assert found == {first + timedelta(days=d) for d in range(0, (last - first).days + 1, 2)}


def test_samples_come_in_small_row_groups_and_the_session_keeps_no_trace(
    small_world: SmallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_samples, "ROW_GROUP_BYTES_OF_SAMPLES", 20_000)
    day = (AS_OF[0], AS_OF[0])
    before = rows_of_day(small_world)
    assert small_world.run(build_samples.main, day) == 0
    files = Path(small_world.warehouse.path("features.samples"), f"ds={AS_OF[0]}").glob("*.parquet")
    newest = max(files, key=lambda found: found.stat().st_mtime)
    assert pq.ParquetFile(newest).metadata.num_row_groups >= 2
    assert small_world.warehouse.spark.conf.get("parquet.block.size", None) is None
    monkeypatch.undo()
    assert small_world.run(build_samples.main, day) == 0
    # Rebuilt rows lie in the same order, so training on them gives the same model.
    assert rows_of_day(small_world) == before == sorted(before)


def rows_of_day(world: SmallWorld) -> list[tuple[str, str]]:
    """Keys of the first as-of day, as training reads them."""
    first = date.fromisoformat(AS_OF[0])
    table = world.warehouse.path("features.samples")
    source = DeltaSamples.open(table, first, first, feature_spec(world.settings))
    found = [source.keys(piece) for piece in range(len(source.pieces))]
    return [
        (str(advertiser), str(scenario))
        for keys in found
        for advertiser, scenario in zip(keys["advertiser_id"], keys["scenario_id"], strict=True)
    ]


def test_samples_end_where_their_labels_are_complete(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    after = str(date.fromisoformat(WORLD[1]) - timedelta(days=6))
    assert small_world.run(build_samples.main, (after, WORLD[1])) == 3
    assert f"the newest day of facts is {WORLD[1]}" in capsys.readouterr().err.splitlines()[-1]


def test_without_facts_the_build_says_what_to_run_first(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    days = ["--start-ds", "2026-01-01", "--end-ds", "2026-01-02", "--warehouse", warehouse.root]
    assert build_sequences.main(days) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert (
        "table facts.advertiser_daily does not exist" in message
        and "run the job that writes it first" in message
    )
