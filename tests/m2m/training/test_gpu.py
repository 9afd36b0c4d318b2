"""The same training on a GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from m2m import ModelConfig, Scorer, Trainer, TrainingConfig
from tests.m2m.world import SPEC, make_samples

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU")


def test_training_on_a_gpu_gives_the_model_of_the_cpu_to_rounding() -> None:
    train, valid = make_samples(600), make_samples(150, seed=1)
    config = TrainingConfig(epochs=2, batch_size=64, progress=False)
    found = []
    for device in ("cpu", "cuda"):
        bundle = Trainer(SPEC, ModelConfig.named("tiny"), config, device).fit(train, valid)
        assert next(bundle.model.parameters()).device.type == "cpu"
        found.append(Scorer(bundle).predict(valid).mean)
    np.testing.assert_allclose(found[1], found[0], rtol=0.02, atol=1e-3)
