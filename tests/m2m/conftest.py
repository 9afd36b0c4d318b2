"""A tiny trained bundle, shared by the tests that only read one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from m2m import Bundle, ModelConfig, Trainer, TrainingConfig
from tests.m2m.world import SPEC, make_samples

QUICK = TrainingConfig(epochs=1, batch_size=64, progress=False, seed=3)


@pytest.fixture(scope="session")
def tiny_bundle() -> Bundle:
    """One epoch of `tiny` on 300 rows."""
    return Trainer(SPEC, ModelConfig.named("tiny"), QUICK).fit(make_samples(300), make_samples(80, seed=1))


@pytest.fixture
def folder(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    """That bundle, saved."""
    tiny_bundle.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors: threads that wait for each other only cost time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)
