"""Two training processes on one machine act as one."""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed, nn

from m2m import MemorySource, ModelConfig, Trainer, TrainingConfig
from m2m.training.ranks import Ranks
from tests.m2m.world import SPEC, make_samples

CONFIG = TrainingConfig(
    seed=9, epochs=6, batch_size=64, window_rows=500, learning_rate=5e-3, average_decay=0.99, progress=False
)


def test_one_process_exchanges_nothing() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, 2.0])
    ranks = Ranks()
    assert ranks.average_gradients([weight], rows=5) == 5
    assert weight.grad.tolist() == [1.0, 2.0]
    assert (ranks.size, ranks.gather("x")) == (1, ["x"])


def together(function: Callable[[int, Any], Any], argument: Any = None) -> list[Any]:
    """`function(rank, argument)` in two processes that form a gloo group; what they return."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    children = [
        context.Process(target=_member, args=(function, rank, port, pipes[rank][1], argument))
        for rank in (0, 1)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=180)
        assert child.exitcode == 0
    return [receiver.recv() for receiver, _ in pipes]


def _member(
    function: Callable[[int, Any], Any], rank: int, port: int, out: Connection, argument: Any
) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    out.send(function(rank, argument))
    distributed.destroy_process_group()


def average(rank: int, _: None) -> tuple[list[float] | None, int, int, list[int]]:
    weight, idle = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    ranks = Ranks()
    weight.grad = torch.tensor([1.0, 10.0]) if rank == 0 else torch.tensor([4.0, 40.0])
    total = ranks.average_gradients([weight, idle], rows=1 if rank == 0 else 2)
    return weight.grad.tolist(), total, ranks.average_gradients([weight], 0), ranks.gather(rank)


@pytest.mark.slow
def test_gradients_are_averaged_over_rows_by_hand() -> None:
    # (1 * 1 + 2 * 4) / 3 = 3; when no process has rows left, all are told 0
    for found in together(average):
        assert found[0] == pytest.approx([3.0, 30.0])
        assert found[1:] == (3, 0, [0, 1])


def fit(rank: int, checkpoint: Path | None = None) -> tuple[str, float, int]:
    train = MemorySource(make_samples(8000), rows_per_piece=170)
    valid = MemorySource(make_samples(4000, seed=1), rows_per_piece=100)
    bundle = Trainer(SPEC, ModelConfig.named("tiny"), CONFIG).fit(train, valid, checkpoint=checkpoint)
    return bundle.sha256, bundle.metrics["valid_nmae"], bundle.metrics["train_rows"]


@pytest.mark.slow
def test_two_processes_reach_the_single_processs_validation_nmae() -> None:
    one, other = together(fit)
    assert one == other
    alone = fit(0)
    assert one[2] == alone[2] == 8000
    assert one[1] == pytest.approx(alone[1], rel=0.01)


def fit_twice(rank: int, checkpoint: Path) -> tuple[str, str]:
    """All epochs at once, and in two parts with a checkpoint between them."""
    train = MemorySource(make_samples(900), rows_per_piece=170)
    valid = make_samples(200, seed=1)
    config = replace(CONFIG, epochs=3, checkpoint_steps=5)
    whole = Trainer(SPEC, ModelConfig.named("tiny"), config).fit(train, valid)
    stopped = _stop_after(17)
    try:
        Trainer(SPEC, ModelConfig.named("tiny"), config).fit(train, valid, checkpoint=checkpoint)
    except KeyboardInterrupt:
        stopped()
    return whole.sha256, Trainer(SPEC, ModelConfig.named("tiny"), config).fit(
        train, valid, checkpoint=checkpoint
    ).sha256


def _stop_after(step: int) -> Callable[[], None]:
    from m2m.training.run import TrainingRun

    real = TrainingRun._step

    def stopping(run: TrainingRun, batch: object) -> bool:
        if run.state.progress.step == step:
            raise KeyboardInterrupt
        return real(run, batch)  # type: ignore[arg-type]

    def undo() -> None:
        TrainingRun._step = real  # type: ignore[method-assign]

    TrainingRun._step = stopping  # type: ignore[method-assign, assignment]
    return undo


@pytest.mark.slow
def test_two_processes_resume_where_they_stopped(tmp_path: Path) -> None:
    for whole, resumed in together(fit_twice, tmp_path / "kept"):
        assert whole == resumed
