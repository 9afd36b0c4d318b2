"""Killed and resumed: the same curve and the same bundle as undisturbed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from m2m import CheckpointError, MemorySource, ModelConfig, SampleSource, Trainer, TrainingConfig
from m2m.training.run import TrainingRun
from tests.m2m.training.file_source import FileSource
from tests.m2m.world import SPEC, make_samples

MODEL = ModelConfig.named("tiny", dropout=0.1)
CONFIG = TrainingConfig(
    epochs=3, batch_size=32, window_rows=100, checkpoint_steps=4, progress=False, seed=3, patience=3
)
STEPS = 3 * 12  # 300 rows in windows of 100 and batches of 32: 4 batches a window, 12 an epoch
Curve = list[tuple[int, dict[str, float]]]


def fit(
    checkpoint: Path | None, config: TrainingConfig = CONFIG, train: SampleSource | None = None
) -> tuple[str, Curve]:
    """SHA-256 of the bundle and the learning curve."""
    curve: Curve = []
    rows = train or MemorySource(make_samples(300), rows_per_piece=25)
    bundle = Trainer(SPEC, MODEL, config).fit(
        rows, make_samples(80, seed=1), lambda epoch, found: curve.append((epoch, found)), {}, checkpoint
    )
    return bundle.sha256, curve


def fit_until_killed(checkpoint: Path, step: int, config: TrainingConfig, train: SampleSource | None) -> None:
    """In a process of its own: the real training, which kills itself (SIGKILL) after `step` steps."""
    real = TrainingRun._step

    def dying(run: TrainingRun, batch: object) -> bool:
        if run.state.progress.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(run, batch)  # type: ignore[arg-type]

    TrainingRun._step = dying  # type: ignore[method-assign, assignment]
    fit(checkpoint, config, train)


def kill_at(
    checkpoint: Path, step: int, config: TrainingConfig = CONFIG, train: SampleSource | None = None
) -> None:
    child = multiprocessing.get_context("spawn").Process(
        target=fit_until_killed, args=(checkpoint, step, config, train)
    )
    child.start()
    child.join(timeout=120)
    assert child.exitcode == -signal.SIGKILL


@pytest.fixture(scope="module")
def undisturbed() -> tuple[str, Curve]:
    return fit(None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_a_random_step_and_resumed(
    seed: int, undisturbed: tuple[str, Curve], tmp_path: Path
) -> None:
    first, second = np.sort(np.random.default_rng(seed).choice(np.arange(5, STEPS), 2, replace=False))
    checkpoint = tmp_path / "training.safetensors"
    for step in (first, second):
        kill_at(checkpoint, int(step))
        assert checkpoint.exists()
    sha256, curve = fit(checkpoint)
    assert curve == undisturbed[1]
    assert sha256 == undisturbed[0]


@pytest.mark.slow
def test_killed_while_loader_processes_read_ahead(undisturbed: tuple[str, Curve], tmp_path: Path) -> None:
    streaming = replace(CONFIG, memory_mb=0, loader_processes=1)
    checkpoint = tmp_path / "training.safetensors"
    train = FileSource.write(make_samples(300), tmp_path, rows_per_piece=25)
    kill_at(checkpoint, 17, streaming, train)
    assert fit(checkpoint, streaming, train) == undisturbed


def test_neither_checkpoints_nor_streaming_change_the_bundle(
    undisturbed: tuple[str, Curve], tmp_path: Path
) -> None:
    assert fit(tmp_path / "kept") == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert fit(None, replace(CONFIG, memory_mb=0, loader_processes=0)) == undisturbed


def test_a_finished_training_goes_on_from_its_end(undisturbed: tuple[str, Curve], tmp_path: Path) -> None:
    fit(tmp_path / "kept")
    before = (tmp_path / "kept").read_bytes()
    assert fit(tmp_path / "kept") == undisturbed
    assert (tmp_path / "kept").read_bytes() == before


def test_other_rows_or_settings_are_refused(tmp_path: Path) -> None:
    fit(tmp_path / "kept")
    with pytest.raises(CheckpointError, match="other rows, settings"):
        fit(tmp_path / "kept", replace(CONFIG, learning_rate=1e-3))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kept").write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        fit(tmp_path / "kept")
