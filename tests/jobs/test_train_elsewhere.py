"""Training killed and run again, and training in two processes of a cluster; each in a warehouse of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from jobs import train_model
from jobs.common.model_inputs import feature_spec
from jobs.common.model_registry import CHAMPION, ModelRegistry
from tests.samples_table import FIRST_DAY, write_samples
from tests.small_world import AS_OF, SmallWorld

pytestmark = pytest.mark.slow


STEADY: dict[str, object] = {"without_transformer": True, "head": "poisson", "d_view": 16}


def copy_of(world: SmallWorld, folder: Path, training: dict[str, object]) -> list[str]:
    """The world's samples in a new warehouse, and the arguments of train_model there with changed settings."""
    shutil.copytree(world.warehouse.path("features.samples"), folder / "warehouse" / "features" / "samples")
    return [*settings_of(world, folder, training), "--start-ds", AS_OF[0], "--end-ds", AS_OF[1]]


def settings_of(
    world: SmallWorld, folder: Path, training: dict[str, object], model: dict[str, object] | None = None
) -> list[str]:
    """Arguments that name the warehouse in `folder` and the world's settings with changes."""
    raw = yaml.safe_load(world.settings_file.read_text())
    raw["training"] |= training
    raw["model"]["overrides"] = model or {}
    (folder / "settings.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return ["--warehouse", str(folder / "warehouse"), "--settings", str(folder / "settings.yaml")]


def submit(master: str, arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    command = ["spark-submit", "--master", master, "jobs/train_model.py", *arguments]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)


def champion(world: SmallWorld, warehouse: str) -> tuple[str, dict[str, float]]:
    """SHA-256 of the champion there and the figures of its run."""
    registry = ModelRegistry(world.settings.platform, warehouse)
    found = registry.find(CHAMPION)
    assert found is not None
    experiment = registry.client.get_experiment_by_name(registry.name)
    run = registry.client.search_runs([experiment.experiment_id])[0]
    return found.sha256, run.data.metrics


def test_a_killed_training_run_again_gives_the_same_bundle(small_world: SmallWorld, tmp_path: Path) -> None:
    arguments, log = copy_of(small_world, tmp_path, {"checkpoint_steps": 1}), tmp_path / "log"
    checkpoints = tmp_path / "warehouse" / "checkpoints"
    first = submit("local[1]", arguments, log)
    deadline = time.monotonic() + 180
    while not list(checkpoints.glob("*.safetensors")):
        assert first.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    assert first.poll() is None
    os.killpg(first.pid, signal.SIGKILL)  # Java and the Python that it started
    first.wait()
    assert len(list(checkpoints.glob("*.safetensors"))) == 1
    assert submit("local[1]", arguments, log).wait(timeout=300) == 0, log.read_text()
    assert not list(checkpoints.glob("*.safetensors"))
    warehouse = str(tmp_path / "warehouse")
    assert champion(small_world, warehouse)[0] == champion(small_world, small_world.warehouse.root)[0]


def test_a_champion_that_cannot_be_read_any_more_gives_way(
    small_world: SmallWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_model.main(copy_of(small_world, tmp_path, {"epochs": 1})) == 0
    registry = ModelRegistry(small_world.settings.platform, str(tmp_path / "warehouse"))
    first = registry.find(CHAMPION)
    assert first is not None
    (Path(first.folder) / "bundle.json").write_text('{"format_version": 1}')
    (tmp_path / "second").mkdir()
    arguments = copy_of(small_world, tmp_path / "second", {"epochs": 1, "seed": 8})
    arguments[arguments.index("--warehouse") + 1] = str(tmp_path / "warehouse")
    assert train_model.main(arguments) == 0
    told = capsys.readouterr().err
    assert "version 1 cannot be used any more: format version is 1" in told
    second = registry.find(CHAMPION)
    assert second is not None and second.version == "2"


def test_two_processes_on_a_cluster_reach_the_same_validation_nmae(
    small_world: SmallWorld, tmp_path: Path
) -> None:
    # Made-up rows with a plain signal: on the small world the order of the rows alone moves the result by per cents.
    figures = []
    for processes, master in ((1, "local[1]"), (2, "local-cluster[2,1,1024]")):
        folder = tmp_path / str(processes)
        folder.mkdir()
        training = {"processes": processes, "epochs": 6, "patience_epochs": 6, "learning_rate": 0.005}
        arguments = settings_of(small_world, folder, training, STEADY)
        write_samples(folder / "warehouse/features/samples", feature_spec(small_world.settings), 40, 1000)
        days = ["--start-ds", str(FIRST_DAY), "--end-ds", str(FIRST_DAY + timedelta(days=39))]
        assert submit(master, [*arguments, *days], folder / "log").wait(timeout=400) == 0, (
            folder / "log"
        ).read_text()
        figures.append(champion(small_world, str(folder / "warehouse"))[1])
    assert set(figures[0]) == set(figures[1])
    assert figures[1]["valid_nmae"] == pytest.approx(figures[0]["valid_nmae"], rel=0.01)
