"""Training of M2M (sections 4.3 and 5.1.3).

Letters: N rows, m tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from m2m.averaging import WeightAverage, copy_weights
from m2m.batches import Batch, count_batches, iterate_batches
from m2m.bundle import Bundle, build_model
from m2m.config import ModelConfig, TrainingConfig
from m2m.encoder import Encoded, Encoder
from m2m.forecast import Forecast
from m2m.losses import regulariser, task_scales
from m2m.metrics import Cell, cell_metrics, overall
from m2m.model import M2M
from m2m.recalibration import Recalibration
from m2m.samples import Samples
from m2m.scorer import predict_raw
from m2m.spec import FeatureSpec
from m2m.weight_store import WeightStore

EpochCallback = Callable[[int, dict[str, float]], None]
_VALIDATION_ROWS = 4096
_VALIDATION_WEIGHT_BYTES = 256 * 2**20


class TrainingError(ValueError):
    """Training cannot go on or cannot start: the message says at which step and for which task."""


class Trainer:
    """Fits encoder and network on training rows and keeps the weights that are best on validation rows."""

    def __init__(
        self,
        spec: FeatureSpec,
        model_config: ModelConfig | None = None,
        training_config: TrainingConfig | None = None,
    ) -> None:
        self.spec = spec
        self.model_config = model_config or ModelConfig.named("base")
        self.training_config = training_config or TrainingConfig()

    def fit(
        self,
        train: Samples,
        valid: Samples,
        on_epoch: EpochCallback | None = None,
        training_days: Mapping[str, Any] | None = None,
    ) -> Bundle:
        """Train and return the bundle with the best validation NMAE (overall, task x scenario).

        on_epoch(epoch from 1, {"train_loss", "valid_nmae", "valid_smape", "learning_rate"}) after every
        epoch.
        training_days: what the bundle says about its days; by default from `train.keys["ds"]` when it is
        there. Raises ValueError on samples that do not fit the spec, TrainingError when a loss is not finite.
        """
        for name, samples in (("training", train), ("validation", valid)):
            samples.check_against(self.spec, labels=True)
            if not len(samples):
                raise TrainingError(f"there are no {name} rows, expected at least one")
        with torch.random.fork_rng(devices=[]), _threads(self.training_config.threads):
            torch.manual_seed(self.training_config.seed)
            run = _Run(self.spec, self.model_config, self.training_config, train, valid)
            run.train(on_epoch)
        days = _days_of(train) if training_days is None else dict(training_days)
        return run.bundle(days)


class _Run:
    """One training run: what `Trainer.fit` builds up and throws away."""

    def __init__(
        self, spec: FeatureSpec, config: ModelConfig, training: TrainingConfig, train: Samples, valid: Samples
    ) -> None:
        self.spec, self.config, self.training, self.valid = spec, config, training, valid
        self.encoder = Encoder.fit(train, spec, config.value_bins, training.min_category_rows)
        self.encoded: Encoded = self.encoder.encode(train)
        self.scales = task_scales(_labels(train))
        self.recalibration = Recalibration.of_labels(_labels(train), spec.tasks)
        self.labels = torch.from_numpy((_labels(train) / self.scales).astype(np.float32))
        self.model: M2M = build_model(spec, config, self.encoder)
        self.average = WeightAverage(self.model, training.average_decay)
        self.weights = _task_weights(training, spec)
        # Position embeddings and all others alike: the regulariser of equation 19 covers every weight.
        meta = {id(weight) for weight in self.model.meta_parameters()}
        self.meta = self.model.meta_parameters()
        self.other = [weight for weight in self.model.parameters() if id(weight) not in meta]
        self.optimiser = torch.optim.Adam(
            self.model.parameters(), lr=training.learning_rate, betas=(0.9, 0.998), eps=1e-9, fused=True
        )
        self.generator = np.random.default_rng(training.seed)
        self.epoch_steps = count_batches(self.encoded.code, training.batch_size)
        self.step, self.best_epoch, self.epochs = 0, 0, 0
        self.best_nmae = math.inf
        self.best_weights: dict[str, Tensor] = copy_weights(self.model)
        self.best_cells: list[Cell] = []

    def train(self, on_epoch: EpochCallback | None) -> None:
        total = self.epoch_steps * self.training.epochs
        with tqdm(total=total, desc="training", unit="step", disable=not self.training.progress) as bar:
            for epoch in range(1, self.training.epochs + 1):
                self.epochs = epoch
                metrics = self._epoch(bar)
                if on_epoch is not None:
                    on_epoch(epoch, metrics)
                if epoch - self.best_epoch >= self.training.patience:
                    break
        self.model.load_state_dict(self.best_weights)

    def _epoch(self, bar: tqdm[Any]) -> dict[str, float]:
        self.model.train()
        training, losses, rows = self.training, 0.0, 0
        for batch in iterate_batches(
            self.encoded, self.labels, self.encoder.vocabulary, self.generator,
            training.batch_size, training.chunk_rows, training.unknown_share,
        ):  # fmt: skip
            losses += self._step(batch) * len(batch.rows)
            rows += len(batch.rows)
            bar.update()
        metrics = {"train_loss": losses / rows, **self._validate()}
        bar.set_postfix(loss=f"{metrics['train_loss']:.4f}", nmae=f"{metrics['valid_nmae']:.4f}")
        return {**metrics, "learning_rate": self.optimiser.param_groups[0]["lr"]}

    def _step(self, batch: Batch) -> float:
        self.step += 1
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.epoch_steps * self.training.epochs, self.training)
        raw = self.model(batch.bins, batch.dense, batch.groups)
        by_task = self.model.head.loss(raw, batch.labels).mean(dim=0)
        self._check_finite(by_task)
        loss = (self.weights * by_task).sum()
        penalty = self.training.regulariser * regulariser(self.meta, self.other)
        self.optimiser.zero_grad(set_to_none=True)
        (loss + penalty).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_value_(self.model.parameters(), self.training.gradient_limit)
        self.optimiser.step()
        self.average.update()
        return float(loss.detach())

    def _check_finite(self, by_task: Tensor) -> None:
        finite = torch.isfinite(by_task)
        if not bool(finite.all()):
            index = int((~finite).nonzero()[0])
            task, value = self.spec.tasks[index], float(by_task[index].detach())
            raise TrainingError(f"loss of task {task} is {value} at step {self.step} (epoch {self.epochs})")

    def _validate(self) -> dict[str, float]:
        """Metrics of the averaged weights on all validation rows; keeps the weights when they are the best
        yet."""
        self.average.swap()
        self.model.eval()
        cells = self._cells()
        found = overall(cells)
        # Without any positive label there is nothing to compare by, and the newest weights are as good as
        # any.
        score = -float(self.epochs) if math.isnan(found["nmae"]) else found["nmae"]
        if score < self.best_nmae:
            self.best_nmae, self.best_epoch, self.best_cells = score, self.epochs, cells
            self.best_weights = copy_weights(self.model)
        self.average.swap()
        return {"valid_nmae": found["nmae"], "valid_smape": found["smape"]}

    def _raw(self) -> npt.NDArray[np.float32]:
        """The head's numbers of all validation rows [N, m, o]."""
        with torch.inference_mode():
            store = WeightStore(self.model, len(self.spec.knowledge), _VALIDATION_WEIGHT_BYTES)
            return predict_raw(self.model, self.encoder, self.valid, _VALIDATION_ROWS, store)

    def _cells(self) -> list[Cell]:
        predicted = self._forecast(self._raw(), self.recalibration).point
        scenario = self.valid.knowledge[self.spec.scenario_column]
        return cell_metrics(_labels(self.valid), predicted, scenario, self.spec.tasks)

    def _forecast(self, raw: npt.NDArray[np.float32], recalibration: Recalibration) -> Forecast:
        return self.model.head.forecast(raw, self.scales, self.spec, recalibration)

    def bundle(self, training_days: Mapping[str, Any]) -> Bundle:
        found = {f"valid_{name}": _or_none(value) for name, value in overall(self.best_cells).items()}
        cells = [{name: _or_none(value) for name, value in asdict(cell).items()} for cell in self.best_cells]
        counts = {"best_epoch": self.best_epoch, "epochs": self.epochs, "train_rows": len(self.encoded)}
        metrics = {**found, **counts, "valid_rows": len(self.valid), "valid_cells": cells}
        self.model.eval()
        forecast = partial(self._forecast, self._raw())
        return Bundle(
            self.spec, self.config, self.encoder, self.model, self.scales,
            self.training.to_dict(), dict(training_days), metrics,
            recalibration=self.recalibration.fitted(forecast, _labels(self.valid)),
        )  # fmt: skip


def learning_rate(step: int, total_steps: int, training: TrainingConfig) -> float:
    """Linear warm-up, then a cosine from the full rate to its final share. step: from 1."""
    if step <= training.warmup_steps:
        return training.learning_rate * step / training.warmup_steps
    done = min(1.0, (step - training.warmup_steps) / max(1, total_steps - training.warmup_steps))
    low = training.final_learning_rate_share
    return training.learning_rate * (low + (1 - low) * (1 + math.cos(math.pi * done)) / 2)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _task_weights(training: TrainingConfig, spec: FeatureSpec) -> Tensor:
    given = dict(training.task_weights or {})
    unknown = sorted(set(given) - set(spec.tasks))
    if unknown:
        raise ValueError(f"task_weights names {unknown}, expected only tasks among {list(spec.tasks)}")
    return torch.tensor([given.get(task, 1.0) for task in spec.tasks], dtype=torch.float32)


def _labels(samples: Samples) -> npt.NDArray[np.float64]:
    if samples.labels is None:
        raise ValueError("samples have no labels, expected some")
    return samples.labels


def _days_of(train: Samples) -> dict[str, Any]:
    if "ds" not in train.keys:
        return {}
    days = np.unique(train.keys["ds"].astype(str))
    return {"first": str(days[0]), "last": str(days[-1]), "count": len(days)}


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
