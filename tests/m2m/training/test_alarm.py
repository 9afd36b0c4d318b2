from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from m2m import MemorySource, ModelConfig, Trainer, TrainingConfig, TrainingError
from m2m.training.alarm import check_losses
from m2m.training.batches import Batch
from tests.m2m.training.test_windows import plans, reader
from tests.m2m.world import SPEC, make_samples

QUICK = TrainingConfig(epochs=2, batch_size=64, progress=False)


def first_batch() -> Batch:
    return reader()[plans()[0]].batch(0)


def test_a_fine_loss_passes() -> None:
    batch = first_batch()
    check_losses(torch.ones(len(batch), 3), SPEC.tasks, 10.0, "step 1", batch, reader().source)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e9])
def test_step_task_and_keys_of_the_rows_are_told(bad: float) -> None:
    batch, source = first_batch(), reader().source
    by_row = torch.ones(len(batch), 3)
    by_row[5, 1] = bad
    piece, place = batch.origin[5]
    ds = source.keys(int(piece))["ds"][place]
    with pytest.raises(
        TrainingError, match=rf"loss of task expenditure is .* at step 4; .*batch: \(ds {ds}\)"
    ):
        check_losses(by_row, SPEC.tasks, 1e6, "step 4", batch, source)


def test_an_exploding_loss_stops_training_and_names_real_rows() -> None:
    samples = make_samples(300)
    samples.keys["advertiser_id"] = np.array([f"a{row}" for row in range(300)])
    config = replace(QUICK, loss_limit=50.0, learning_rate=0.3, warmup_steps=0, epochs=5)
    with pytest.raises(TrainingError, match=r"loss of task \w+ is [\d.e+]+ at step \d+") as caught:
        Trainer(SPEC, ModelConfig.named("tiny"), config).fit(samples, make_samples(50))
    named = re.findall(r"\(ds (\S+), advertiser_id a(\d+)\)", str(caught.value))
    assert len(named) == 3
    assert all(samples.keys["ds"][int(row)] == ds for ds, row in named)


def test_rows_without_keys_are_told_by_place() -> None:
    samples = replace(make_samples(100), keys={})
    config = replace(QUICK, loss_limit=1e-9)
    with pytest.raises(TrainingError, match=r"\(piece 0, row \d+\)"):
        Trainer(SPEC, ModelConfig.named("tiny"), config).fit(MemorySource(samples), samples)
