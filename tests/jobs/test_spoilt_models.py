"""A model that was changed, does not fit or gives no usable numbers stops scoring, and nothing is replaced."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from jobs import score_advertisers
from jobs.common.model_registry import ModelRegistry
from jobs.common.score_files import scored_files
from jobs.common.worker_errors import refusals_of_workers
from jobs.common.worker_scorer import WorkerScorer
from m2m import Bundle
from tests.jobs.scores import (
    FIRST,
    LAST,
    by_key,
    champion,
    registered,
)
from tests.small_world import SCORED, SmallWorld

pytestmark = pytest.mark.slow


def test_a_bundle_with_one_changed_byte_stops_the_job(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = Path(champion(small_world)[1]) / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        assert small_world.run(score_advertisers.main, SCORED) == 1
    finally:
        weights.write_bytes(good)
    assert "SHA-256" in capsys.readouterr().err.splitlines()[-1]


def test_a_bundle_that_changed_on_the_way_stops_the_task(small_world: SmallWorld) -> None:
    warehouse, settings = small_world.warehouse, small_world.settings
    worker = WorkerScorer.ship(warehouse.spark, registered(small_world), settings)
    other = replace(worker, sha256="0" * 64)
    files = warehouse.read_days("features.sequences", LAST, LAST).inputFiles()
    scored = scored_files(
        warehouse.spark, warehouse.path("features.sequences"), files, other, settings.task_names
    )
    with (
        pytest.raises(RuntimeError, match=r"BundleError: .* has SHA-256 .*, expected 0000"),
        refusals_of_workers(),
    ):
        scored.count()


def scored_with(world: SmallWorld, bundle: Bundle, folder: Path) -> int:
    """Score with a bundle that is registered for this run alone: the world is shared."""
    bundle.save(folder)
    registry = ModelRegistry(world.settings.platform, world.warehouse.root)
    version = registry.register(registry.start_run("spoilt", {}), folder, bundle.sha256)
    try:
        return int(world.run(score_advertisers.main, SCORED, "--model-version", version))
    finally:
        registry.client.delete_model_version(registry.name, version)


@pytest.mark.parametrize(
    ("bias", "told"),
    [
        (float("nan"), "predictions of impressions are not finite, expected numbers from 0 on; model "),
        (float("inf"), "predictions of impressions are not finite, expected numbers from 0 on; model "),
        (
            30.0,
            r"mean of impressions predicted for advertiser '\S+' in '\S+' on 2026-03-3\d is \S+, expected 0 to ",
        ),
    ],
)
def test_a_prediction_that_is_no_number_or_beyond_bounds_stops_before_anything_is_replaced(
    small_world: SmallWorld, tmp_path: Path, bias: float, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST))
    bundle = Bundle.load(champion(small_world)[1])
    with torch.no_grad():
        bundle.model.head_bias[0, 0] = bias
    assert scored_with(small_world, bundle, tmp_path) == 3
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("score_advertisers: data check failed: ") and re.search(told, last)
    assert by_key(small_world.warehouse.read_days("scores.advertiser_scores", FIRST, LAST)) == before


def test_a_bundle_trained_on_other_columns_is_refused(
    small_world: SmallWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = Bundle.load(champion(small_world)[1])
    names = bundle.spec.behaviours
    other = replace(bundle, spec=replace(bundle.spec, behaviours=("logouts", *names[1:])))
    assert scored_with(small_world, other, tmp_path) == 1
    assert "columns ['logouts'] are missing, the model was trained with" in capsys.readouterr().err
    swapped = replace(bundle, spec=replace(bundle.spec, behaviours=names[::-1]))
    assert scored_with(small_world, swapped, tmp_path) == 3
    assert "was trained on FeatureSpec(" in capsys.readouterr().err.splitlines()[-1]
