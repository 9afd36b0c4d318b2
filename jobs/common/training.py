"""Training in this process, or in several on the Spark cluster (TorchDistributor)."""

from __future__ import annotations

import shutil
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
from m2m.training.outcome import fingerprint
from m2m.training.run import EpochCallback


def training_config(settings: Settings) -> TrainingConfig:
    """The library's settings from the job's; fields of the same name mean the same."""
    training = settings.training
    shared = {item.name for item in fields(TrainingConfig)} & set(type(training).model_fields)
    weights = {task.name: task.weight for task in settings.tasks}
    values = training.model_dump(include=shared)
    return TrainingConfig(**values, patience=training.patience_epochs, task_weights=weights)


def training_config_for(settings: Settings, train_rows: int) -> TrainingConfig:
    """`training_config`; with `training.row_passes` set, epochs, batches and patience follow from the rows. Raises
    ValueError when there are none then."""
    config, passes = training_config(settings), settings.training.row_passes
    return config if passes is None else config.for_rows(train_rows, passes)


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

    def fingerprint(self, processes: int) -> str:
        """Differs when a checkpoint of one would not do for the other."""
        return fingerprint(self.spec, self.model, self.training, self.train, self.valid, processes)

    def fit(self, on_epoch: EpochCallback | None = None) -> Bundle:
        """Train in this process, which is all of them or one of a torch.distributed group."""
        trainer = Trainer(self.spec, self.model, self.training, self.device)
        return trainer.fit(self.train, self.valid, on_epoch, self.training_days, self.checkpoint)


def fit_on_cluster(
    spark: SparkSession, task: TrainingTask, processes: int, on_epoch: EpochCallback
) -> Bundle:
    """Train in `processes` barrier tasks of the cluster, one torch process each; epochs are told at the end.

    Without a checkpoint, the bundle comes back through Spark, which takes at most spark.driver.maxResultSize (1 GB);
    with one, as a folder beside it. Raises Spark's error, with the output of the process that failed.
    """
    use_gpu = task.device == "cuda"
    # Their output is that of a Spark task: a bar that redraws itself is only noise there.
    quiet = replace(task, training=replace(task.training, progress=False))
    distributor = TorchDistributor(num_processes=processes, local_mode=False, use_gpu=use_gpu)
    told = distributor.run(_fit_as_member, quiet)
    if told is None:
        raise RuntimeError("the training processes returned nothing")
    result, epochs = told
    for epoch, metrics in epochs:
        on_epoch(epoch, metrics)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in result.items():
            (Path(folder) / name).write_bytes(content)
        return Bundle.load(folder) if result else _take(_beside(task))


def _fit_as_member(task: TrainingTask) -> tuple[dict[str, bytes], list[tuple[int, dict[str, float]]]] | None:
    """What runs in each process: torchrun has set the group's address, size and rank. The first one answers."""
    if task.device == "cuda":
        torch.cuda.set_device(0)  # the task sees only the GPU that Spark gave it
    distributed.init_process_group("nccl" if task.device == "cuda" else "gloo")
    epochs: list[tuple[int, dict[str, float]]] = []
    try:
        bundle = task.fit(lambda epoch, metrics: epochs.append((epoch, metrics)))
        first = distributed.get_rank() == 0
    finally:
        distributed.destroy_process_group()
    if not first:
        return None
    if task.checkpoint is not None:
        bundle.save(_beside(task))
        return {}, epochs
    with tempfile.TemporaryDirectory() as folder:
        bundle.save(folder)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}, epochs


def _beside(task: TrainingTask) -> Path:
    return Path(f"{task.checkpoint}.bundle")


def _take(folder: Path) -> Bundle:
    bundle = Bundle.load(folder)
    shutil.rmtree(folder)
    return bundle
