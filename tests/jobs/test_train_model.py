"""Training: registered, better than persistence, the same again, and honest about what it cannot do."""

from __future__ import annotations

import pytest

from jobs import train_model
from jobs.common.model_registry import CHAMPION, ModelRegistry
from m2m import Bundle
from tests.small_world import AS_OF, SmallWorld

pytestmark = pytest.mark.slow
TRAIN = ["--train-start-ds", "2026-02-09", "--train-end-ds", "2026-02-20"]


@pytest.fixture
def registry(small_world: SmallWorld) -> ModelRegistry:
    return ModelRegistry(small_world.settings.platform, small_world.warehouse.root)


def test_the_first_version_is_champion_and_its_bundle_knows_its_days(
    small_world: SmallWorld, registry: ModelRegistry
) -> None:
    found = registry.find(CHAMPION)
    assert found is not None and found.version == "1"
    bundle = Bundle.load(found.folder, expected_sha256=found.sha256)
    assert bundle.spec.sequence_columns == small_world.settings.columns.sequences
    assert (
        bundle.training_days["first"] == AS_OF[0] if "first" in bundle.training_days else bundle.training_days
    )


def test_runs_carry_the_learning_curve_and_the_comparison_with_persistence(registry: ModelRegistry) -> None:
    experiment = registry.client.get_experiment_by_name(registry.name)
    run = registry.client.search_runs([experiment.experiment_id])[-1]
    curve = registry.client.get_metric_history(run.info.run_id, "valid_nmae")
    values = [point.value for point in sorted(curve, key=lambda point: point.step)]
    assert len(values) >= 2 and values[-1] < values[0]
    assert {"test_m2m_nmae", "test_m2m_smape", "test_persistence_nmae"} <= set(run.data.metrics)
    assert {"test_persistence_smape", "test_m2m_median_nmae", "test_m2m_median_smape"} <= set(
        run.data.metrics
    )
    # Three epochs of the tiny model on few rows: far from calibrated, far from nothing.
    assert 0.5 < run.data.metrics["test_m2m_interval_coverage"] < 1
    assert 0 < run.data.metrics["test_m2m_active_ece"] < 0.4
    assert run.data.params["train_days"].startswith(AS_OF[0])


def test_the_same_data_and_seed_give_the_same_bundle_and_no_new_version(
    small_world: SmallWorld, registry: ModelRegistry
) -> None:
    before = registry.find(CHAMPION)
    assert small_world.run(train_model.main, AS_OF) == 0
    assert registry.find(CHAMPION) == before
    assert registry.find("2") is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--train-start-ds", "2026-02-09", "--train-end-ds", "2026-02-20"],
            "train and valid days go together",
        ),
        (
            [*TRAIN, "--valid-start-ds", "2026-02-25", "--valid-end-ds", "2026-02-28"],
            "first day allowed is 2026-03-06",
        ),
        (["--train-start-ds", "2026-02-09"], "expected first and last day"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parts_that_leak_into_each_other_are_refused(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert small_world.run(train_model.main, AS_OF, *arguments) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_days_without_samples_are_refused(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small_world.run(train_model.main, ("2027-01-01", "2027-03-01")) == 3
    assert "features.samples has no row for 2027-01-01" in capsys.readouterr().err.splitlines()[-1]
