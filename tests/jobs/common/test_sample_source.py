"""Training rows read from Delta's files equal what Spark reads, in pieces of any size."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import Row

from jobs.common import sample_source
from jobs.common.model_inputs import feature_spec
from jobs.common.sample_source import DeltaSamples, delta_uri
from m2m import Samples
from tests.small_world import SmallWorld

pytestmark = pytest.mark.slow
FIRST, LAST = date(2026, 2, 9), date(2026, 2, 15)


def table(world: SmallWorld) -> str:
    return world.warehouse.path("features.samples")


def opened(world: SmallWorld, max_rows: int | None = None) -> DeltaSamples:
    return DeltaSamples.open(table(world), FIRST, LAST, feature_spec(world.settings), max_rows)


def whole(source: DeltaSamples) -> tuple[Samples, list[tuple[str, ...]]]:
    """All rows and their keys, in the order of the pieces."""
    pieces = range(len(source.pieces))
    keys = [
        tuple(str(value) for value in row)
        for piece in pieces
        for row in zip(*source.keys(piece).values(), strict=True)
    ]
    return Samples.concat([source.read(piece) for piece in pieces]), keys


@pytest.fixture(scope="module")
def rows(small_world: SmallWorld) -> dict[tuple[str, ...], Row]:
    found = small_world.warehouse.read_days("features.samples", FIRST, LAST).collect()
    return {(row.advertiser_id, row.scenario_id, str(row.ds)): row for row in found}


def test_every_row_is_read_as_spark_reads_it(
    small_world: SmallWorld, rows: dict[tuple[str, ...], Row]
) -> None:
    source = opened(small_world)
    samples, keys = whole(source)
    spec = source.spec
    assert sorted(keys) == sorted(rows)
    assert len({piece.ds for piece in source.pieces}) == 4
    assert sum(source.piece_rows) == len(samples) == len(rows)
    assert samples.labels is not None
    for place, key in enumerate(keys):
        row = rows[key]
        expected = np.asarray([row[name] for name in spec.sequence_columns], dtype=np.float32)
        np.testing.assert_array_equal(samples.sequences[place], expected)
        np.testing.assert_array_equal(
            samples.advertiser_window_sums[place], np.asarray(row.advertiser_window_sums, dtype=np.float32)
        )
        assert samples.weekday[place] == row.ds.weekday()
        told = {name: "" if row[name] is None else str(row[name]) for name in spec.knowledge}
        assert {name: samples.knowledge[name][place] for name in spec.knowledge} == told
        assert samples.labels[place].tolist() == [row[f"label_{task}"] for task in spec.tasks]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sample_source, "PIECE_ROWS", 37)
    yield


def test_large_row_groups_are_read_in_parts(
    small_world: SmallWorld, rows: dict[tuple[str, ...], Row], small_pieces: None
) -> None:
    source = opened(small_world)
    assert max(source.piece_rows) == 37 and len(source.pieces) > 10
    samples, keys = whole(source)
    assert sorted(keys) == sorted(rows)
    assert samples.labels is not None
    assert samples.labels[5].tolist() == [rows[keys[5]][f"label_{task}"] for task in source.spec.tasks]


def test_pieces_that_lose_all_their_rows_are_empty(small_world: SmallWorld, small_pieces: None) -> None:
    source = opened(small_world, max_rows=5)
    sizes = [len(source.read(piece)) for piece in range(len(source.pieces))]
    assert min(sizes) == 0 and sum(sizes) < 30


def test_thinning_keeps_about_the_share_and_always_the_same_rows(small_world: SmallWorld) -> None:
    everything = whole(opened(small_world))[1]
    source = opened(small_world, max_rows=len(everything) // 4)
    samples, keys = whole(source)
    assert source.kept_share == pytest.approx(0.25, abs=0.01)
    assert 0.15 < len(samples) / len(everything) < 0.35
    assert len(samples) == pytest.approx(sum(source.piece_rows), rel=0.3)
    assert whole(opened(small_world, max_rows=len(everything) // 4))[1] == keys
    assert set(keys) < set(everything)
    assert source.fingerprint != opened(small_world).fingerprint


def test_the_source_travels_and_reads_one_version(small_world: SmallWorld, tmp_path: Path) -> None:
    copy = tmp_path / "samples"
    shutil.copytree(table(small_world), copy)
    source = DeltaSamples.open(str(copy), FIRST, LAST, feature_spec(small_world.settings))
    travelled = pickle.loads(pickle.dumps(source))  # noqa: S301 (our own object)
    np.testing.assert_array_equal(travelled.read(0).sequences, source.read(0).sequences)
    assert travelled.fingerprint == source.fingerprint
    assert DeltaSamples.open(str(copy), LAST, LAST, source.spec).fingerprint != source.fingerprint


def test_what_cannot_be_read_is_told(small_world: SmallWorld, tmp_path: Path) -> None:
    spec = feature_spec(small_world.settings)
    with pytest.raises(ValueError, match="run build_samples first"):
        DeltaSamples.open(str(tmp_path / "nothing"), FIRST, LAST, spec)
    with pytest.raises(ValueError, match=r"lacks \['login_count'"):
        DeltaSamples.open(small_world.warehouse.path("ops.job_runs"), FIRST, LAST, spec)
    assert not DeltaSamples.open(table(small_world), date(2030, 1, 1), date(2030, 1, 2), spec).pieces


def test_paths_as_delta_rs_spells_them() -> None:
    assert delta_uri("s3a://bucket/warehouse") == "s3://bucket/warehouse"
    assert delta_uri("/data/warehouse") == "/data/warehouse"
