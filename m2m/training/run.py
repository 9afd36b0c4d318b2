"""One training run: steps, validation, checkpoints (sections 4.3 and 5.1.3).

Letters: N rows, B rows of a batch, m tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

from m2m.bundle import Bundle, build_model
from m2m.config import ModelConfig, TrainingConfig
from m2m.metrics import overall
from m2m.regulariser import regulariser
from m2m.sources import MemorySource, SampleSource, share_pieces
from m2m.spec import FeatureSpec
from m2m.training.alarm import TrainingError, check_losses, tell_rows
from m2m.training.batches import Batch
from m2m.training.checkpoint import load_together, save_checkpoint
from m2m.training.fitting import fit_rows
from m2m.training.loader import stream_windows
from m2m.training.optimiser import clip_gradients, gradient_norm, learning_rate
from m2m.training.outcome import describe, fingerprint
from m2m.training.ranks import Ranks
from m2m.training.state import TrainingState
from m2m.training.validation import recalibrate, validate
from m2m.training.windows import Window, WindowPlan, WindowReader, count_batches, plan_epoch

EpochCallback = Callable[[int, dict[str, float]], None]


class TrainingRun:
    """One training run: what `Trainer.fit` builds up and throws away."""

    def __init__(
        self,
        spec: FeatureSpec,
        config: ModelConfig,
        training: TrainingConfig,
        device: torch.device,
        train: SampleSource,
        valid: SampleSource,
        checkpoint: Path | None = None,
    ) -> None:
        """Fits the encoder, or goes on from the checkpoint when it is there."""
        self.spec, self.config, self.training, self.device = spec, config, training, device
        self.train_rows, self.valid_rows, self.checkpoint = train, valid, checkpoint
        self.ranks = Ranks()
        self.pieces = share_pieces(train, self.ranks.rank, self.ranks.size)
        self.valid_pieces = share_pieces(valid, self.ranks.rank, self.ranks.size)
        self.fingerprint, found = "", None
        if checkpoint is not None:
            self.fingerprint = fingerprint(spec, config, training, train, valid, self.ranks.size)
            found = load_together(checkpoint, spec, self.fingerprint, self.ranks)
        self.fitted = (
            found.fitted if found else fit_rows(train, self.pieces, spec, config, training, self.ranks)
        )
        torch.manual_seed(training.seed)
        self.model = build_model(spec, config, self.fitted.encoder).to(device)
        self.state = TrainingState(self.model, training)
        if found:
            self.state.restore(found.tensors, found.progress[self.ranks.rank])
        self.parameters = list(self.model.parameters())
        # Position embeddings and all others alike: the regulariser of equation 19 covers every weight.
        self.meta = self.model.meta_parameters()
        ids = {id(weight) for weight in self.meta}
        self.other = [weight for weight in self.parameters if id(weight) not in ids]
        self.task_weights = _task_weights(training, spec).to(device)
        self.recalibration = self.fitted.recalibration
        self.reader = self._reader()
        batches = count_batches(train.piece_rows, self._plans(1), self.reader.batch_size)
        self.epoch_steps = max(self.ranks.gather(batches))

    def _reader(self) -> WindowReader:
        encoder, piece_rows = self.fitted.encoder, self.train_rows.piece_rows
        rows = sum(piece_rows[piece] for piece in self.pieces)
        # In proportion to its rows, so that all processes come to the end of the epoch together.
        size = max(1, round(self.training.batch_size * rows / sum(piece_rows)))
        keep = rows * encoder.row_bytes <= self.training.memory_mb * 2**20
        return WindowReader(self.train_rows, encoder, self.fitted.scales, self.training, size, keep)

    def train(self, on_epoch: EpochCallback | None) -> None:
        progress, total = self.state.progress, self.epoch_steps * self.training.epochs
        for epoch, metrics in enumerate(progress.history, start=1):
            _tell(on_epoch, epoch, metrics)  # epochs of the run that was killed
        hidden = not self.training.progress or self.ranks.rank > 0
        windows = self._windows()
        with tqdm(total=total, initial=progress.step, desc="training", unit="step", disable=hidden) as bar:
            while not self._finished():
                self._epoch(windows, bar)
                metrics = self._end_of_epoch()
                bar.set_postfix(loss=f"{metrics['train_loss']:.4f}", nmae=f"{metrics['valid_nmae']:.4f}")
                _tell(on_epoch, progress.epoch - 1, metrics)
                self._save()
        self.model.load_state_dict(self.state.best_weights)
        self.model.eval()
        self.recalibration = recalibrate(
            self.model, self.fitted, self.valid_rows, self.valid_pieces, self.ranks
        )

    def _finished(self) -> bool:
        """All epochs are over, or `patience` epochs passed without a better one."""
        progress, done = self.state.progress, self.state.progress.epoch - 1
        return done >= self.training.epochs or (
            done > 0 and done - progress.best_epoch >= self.training.patience
        )

    def _plans(self, epoch: int) -> list[WindowPlan]:
        rows = self.train_rows.piece_rows
        return plan_epoch(rows, self.pieces, epoch, self.training, self.ranks.rank)

    def _windows(self) -> Iterator[Window]:
        """All windows from where training stands to the last epoch: the loader reads ahead while others validate."""
        at = self.state.progress
        epochs = range(at.epoch, self.training.epochs + 1)
        plans = [plan for epoch in epochs for plan in self._plans(epoch)]
        # Rows that are in memory already are not sent to another process to be read there.
        here = self.reader.keep or isinstance(self.train_rows, MemorySource)
        processes = 0 if here else self.training.loader_processes
        return stream_windows(self.reader, plans[at.window :], processes)

    def _batches(self, windows: Iterator[Window]) -> Iterator[Batch]:
        """The rest of the epoch's batches of this process; the progress names the next one."""
        at, count = self.state.progress, len(self._plans(self.state.progress.epoch))
        while at.window < count:
            window = next(windows)
            while at.batch < len(window.bounds):
                at.batch += 1
                yield window.batch(at.batch - 1)
            at.window, at.batch = at.window + 1, 0

    def _epoch(self, windows: Iterator[Window], bar: tqdm[Any]) -> None:
        self.model.train()
        for batch in self._batches(windows):
            self._step(batch)
            bar.update()
            if self.state.progress.step % self.training.checkpoint_steps == 0:
                self._save()
        # The others may have batches left; their gradients are averaged here too.
        while self.ranks.size > 1 and self._step(None):
            bar.update()
            if self.state.progress.step % self.training.checkpoint_steps == 0:
                self._save()

    def _step(self, batch: Batch | None) -> bool:
        """One step of all processes, without a batch of this one when it has none left; False when none has."""
        state, optimiser = self.state, self.state.optimiser
        optimiser.zero_grad(set_to_none=True)
        trouble = None if batch is None else self._try_backward(batch)
        rows = 0 if batch is None else len(batch)
        if not self.ranks.average_gradients(self.parameters, rows, trouble):
            return False
        clip_gradients(self.parameters, self.training)
        for group in optimiser.param_groups:
            group["lr"] = self._rate(state.progress.step + 1)
        optimiser.step()
        state.average.update()
        state.progress.step += 1
        return True

    def _try_backward(self, batch: Batch) -> TrainingError | None:
        """Gradients of one batch; what is wrong with its loss or gradient is returned, so that all processes hear."""
        try:
            by_row = self._backward(batch)
        except TrainingError as error:
            return error
        norm = gradient_norm(self.parameters)
        if bool(torch.isfinite(norm)):
            return None
        told = tell_rows(by_row.sum(dim=1), batch, self.train_rows)
        return TrainingError(f"the gradient is {float(norm)} at {self._where()}; {told}")

    def _backward(self, batch: Batch) -> Tensor:
        """Gradients of one batch; returns the loss of each row and task [B, m]."""
        progress = self.state.progress
        if self.config.dropout:
            # By step, so that a resumed training drops what an undisturbed one drops.
            torch.manual_seed(self.training.seed + 1_000_003 * (progress.step + 1) + self.ranks.rank)
        batch = batch.to(self.device)
        by_row = self.model.head.loss(self.model(batch.bins, batch.dense, batch.groups), batch.labels)
        check_losses(by_row, self.spec.tasks, self.training.loss_limit, self._where(), batch, self.train_rows)
        loss = (self.task_weights * by_row.mean(dim=0)).sum()
        penalty = self.training.regulariser * regulariser(self.meta, self.other)
        (loss + penalty).backward()  # type: ignore[no-untyped-call]
        progress.loss_sum += float(loss.detach()) * len(batch)
        progress.rows += len(batch)
        return by_row.detach()

    def _rate(self, step: int) -> float:
        return learning_rate(step, self.epoch_steps * self.training.epochs, self.training)

    def _where(self) -> str:
        return f"step {self.state.progress.step + 1} (epoch {self.state.progress.epoch})"

    def _end_of_epoch(self) -> dict[str, float]:
        """Validate the averaged weights, keep them when they are the best yet, close the epoch."""
        state, progress = self.state, self.state.progress
        state.average.swap()
        self.model.eval()
        cells = validate(self.model, self.fitted, self.valid_rows, self.valid_pieces, self.ranks).cells()
        found = overall(cells)
        # Without any positive label there is nothing to compare by, and the newest weights are as good as
        # any.
        score = -float(progress.epoch) if math.isnan(found["nmae"]) else found["nmae"]
        if score < progress.best_nmae:
            state.keep_best(score, cells)
        state.average.swap()
        sums = self.ranks.gather((progress.loss_sum, progress.rows))
        loss = sum(part for part, _ in sums) / sum(rows for _, rows in sums)
        valid = {"valid_nmae": found["nmae"], "valid_smape": found["smape"]}
        metrics = {"train_loss": loss, **valid, "learning_rate": self._rate(progress.step)}
        progress.next_epoch(metrics)
        return metrics

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        progress = self.ranks.gather(copy(self.state.progress))
        if self.ranks.rank == 0:
            save_checkpoint(self.checkpoint, self.state, progress, self.fitted, self.fingerprint)

    def bundle(self, training_days: Mapping[str, Any] | None) -> Bundle:
        """The best weights with all that is needed to score."""
        days = self.fitted.days if training_days is None else dict(training_days)
        metrics = describe(self.state.progress, self.fitted.rows, self.spec.tasks[0])
        return Bundle(
            self.spec, self.config, self.fitted.encoder, self.model.cpu(), self.fitted.scales,
            self.training.to_dict(), days, metrics, recalibration=self.recalibration,
        )  # fmt: skip


def _task_weights(training: TrainingConfig, spec: FeatureSpec) -> Tensor:
    given = dict(training.task_weights or {})
    unknown = sorted(set(given) - set(spec.tasks))
    if unknown:
        raise ValueError(f"task_weights names {unknown}, expected only tasks among {list(spec.tasks)}")
    return torch.tensor([given.get(task, 1.0) for task in spec.tasks], dtype=torch.float32)


def _tell(on_epoch: EpochCallback | None, epoch: int, metrics: dict[str, float]) -> None:
    if on_epoch is not None:
        on_epoch(epoch, metrics)
