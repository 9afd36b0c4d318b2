"""Training of M2M (sections 4.3 and 5.1.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from m2m.bundle import Bundle
from m2m.config import ModelConfig, TrainingConfig
from m2m.samples import Samples
from m2m.sources import SampleSource, as_source, count_rows
from m2m.spec import FeatureSpec
from m2m.training.alarm import TrainingError
from m2m.training.run import EpochCallback, TrainingRun


class Trainer:
    """Fits encoder and network on training rows and keeps the weights that are best on validation rows."""

    def __init__(
        self,
        spec: FeatureSpec,
        model_config: ModelConfig | None = None,
        training_config: TrainingConfig | None = None,
        device: str = "cpu",
    ) -> None:
        """device: where the network is trained, "cpu" or "cuda"."""
        self.spec = spec
        self.model_config = model_config or ModelConfig.named("base")
        self.training_config = training_config or TrainingConfig()
        self.device = torch.device(device)

    def fit(
        self,
        train: Samples | SampleSource,
        valid: Samples | SampleSource,
        on_epoch: EpochCallback | None = None,
        training_days: Mapping[str, Any] | None = None,
        checkpoint: str | Path | None = None,
    ) -> Bundle:
        """Train and return the bundle with the best validation NMAE (overall, task x scenario).

        train, valid: rows in memory, or a source that reads them piece by piece (`m2m.sources`).
        on_epoch(epoch from 1, {"train_loss", "valid_nmae", "valid_smape", "learning_rate"}) after every
        epoch.
        training_days: what the bundle says about its days; by default from `keys["ds"]` of the training rows when it is
        there.
        checkpoint: a file that is replaced every `checkpoint_steps` steps and after every epoch. When it is there,
        training goes on from it to the very bundle that it would have given undisturbed; remove it when it has served.
        With torch.distributed initialised, every process calls `fit` with the same arguments; each reads its own files,
        all return the same bundle. `batch_size` rows are then shared by the processes.

        Raises ValueError on samples that do not fit the spec, TrainingError when a loss is not finite or explodes,
        CheckpointError when the checkpoint is not of this training.
        """
        sources = as_source(train), as_source(valid)
        for name, source in zip(("training", "validation"), sources, strict=True):
            if not count_rows(source):
                raise TrainingError(f"there are no {name} rows, expected at least one")
        file = None if checkpoint is None else Path(checkpoint)
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), _threads(self.training_config.threads):
            run = TrainingRun(
                self.spec, self.model_config, self.training_config, self.device, *sources, checkpoint=file
            )
            run.train(on_epoch)
        return run.bundle(training_days)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
