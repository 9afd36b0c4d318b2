"""Training in this process, or in several on the Spark cluster (TorchDistributor)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from pyspark.ml.torch.distributor import TorchDistributor
from pyspark.sql import SparkSession
from torch import distributed

from jobs.common.settings import Settings
from m2m import Bundle, FeatureSpec, ModelConfig, SampleSource, Trainer, TrainingConfig
from m2m.training.run import EpochCallback


def training_config(settings: Settings) -> TrainingConfig:
    """The library's settings from the job's; fields of the same name mean the same."""
    training = settings.training
    shared = {item.name for item in fields(TrainingConfig)} & set(type(training).model_fields)
    weights = {task.name: task.weight for task in settings.tasks}
    values = training.model_dump(include=shared)
    return TrainingConfig(**values, patience=training.patience_epochs, task_weights=weights)


@dataclass(frozen=True)
class TrainingTask:
    """All that a training process needs; it can be pickled. checkpoint: a path that every process can read."""

    spec: FeatureSpec
    model: ModelConfig
    training: TrainingConfig
    train: SampleSource
    valid: SampleSource
    training_days: dict[str, Any]
    device: str = "cpu"
    checkpoint: str | None = None

    def fit(self, on_epoch: EpochCallback | None = None) -> Bundle:
        """Train in this process, which is all of them or one of a torch.distributed group."""
        trainer = Trainer(self.spec, self.model, self.training, self.device)
        return trainer.fit(self.train, self.valid, on_epoch, self.training_days, self.checkpoint)


def fit_on_cluster(
    spark: SparkSession, task: TrainingTask, processes: int, on_epoch: EpochCallback
) -> Bundle:
    """Train in `processes` barrier tasks of the cluster, one torch process each; epochs are told at the end.

    Raises RuntimeError with the output of the process that failed.
    """
    use_gpu = task.device == "cuda"
    # Their output is that of a Spark task: a bar that redraws itself is only noise there.
    quiet = replace(task, training=replace(task.training, progress=False))
    distributor = TorchDistributor(num_processes=processes, local_mode=False, use_gpu=use_gpu)
    told = distributor.run(_fit_as_member, quiet)
    if told is None:
        raise RuntimeError("the training processes returned nothing")
    files, epochs = told
    for epoch, metrics in epochs:
        on_epoch(epoch, metrics)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return Bundle.load(folder)


def _fit_as_member(task: TrainingTask) -> tuple[dict[str, bytes], list[tuple[int, dict[str, float]]]]:
    """What runs in each process: torchrun has set the group's address, size and rank."""
    if task.device == "cuda":
        torch.cuda.set_device(0)  # the task sees only the GPU that Spark gave it
    distributed.init_process_group("nccl" if task.device == "cuda" else "gloo")
    epochs: list[tuple[int, dict[str, float]]] = []
    try:
        bundle = task.fit(lambda epoch, metrics: epochs.append((epoch, metrics)))
    finally:
        distributed.destroy_process_group()
    with tempfile.TemporaryDirectory() as folder:
        bundle.save(folder)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}, epochs
