"""Several training processes that act as one: gradients averaged over all rows, everything else the same everywhere.

Letters: R processes (ranks).

Each process reads its own pieces and takes its own batch. Where torch.distributed is not initialised there is one
process, and nothing is exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from m2m.training.alarm import TrainingError

T = TypeVar("T")


class Ranks:
    """This process among R. Use it after torch.distributed.init_process_group, or without one."""

    def __init__(self) -> None:
        together = distributed.is_available() and distributed.is_initialized()
        self.rank = distributed.get_rank() if together else 0
        self.size = distributed.get_world_size() if together else 1

    def gather(self, value: T) -> list[T]:
        """The value of every process, in rank order."""
        if self.size == 1:
            return [value]
        found: list[T | None] = [None] * self.size
        distributed.all_gather_object(found, value)
        return found  # type: ignore[return-value]

    def average_gradients(
        self, weights: Sequence[nn.Parameter], rows: int, trouble: TrainingError | None = None
    ) -> int:
        """Replace gradients by their mean over the rows of all processes; returns how many rows these are.

        A process that has run out of batches takes part with 0 rows, so files of different length need no filling up.
        The result is the gradient of one process with all the rows in one batch.
        Raises `trouble` here and TrainingError in all other processes, so that none waits for one that has stopped.
        """
        if self.size == 1:
            if trouble is not None:
                raise trouble
            return rows
        joined = torch.cat([*map(_flat_gradient, weights), weights[0].new_zeros(2)])
        joined.mul_(rows)
        joined[-2], joined[-1] = rows, float(trouble is not None)
        distributed.all_reduce(joined)
        total, troubled = int(joined[-2].item()), bool(joined[-1].item())
        if troubled:
            raise trouble or TrainingError("another training process stopped; its output says why")
        if total:
            _scatter(joined[:-2].div_(total), weights)
        return total


def _flat_gradient(weight: nn.Parameter) -> Tensor:
    return torch.zeros_like(weight).flatten() if weight.grad is None else weight.grad.flatten()


def _scatter(joined: Tensor, weights: Sequence[nn.Parameter]) -> None:
    parts = torch.split(joined, [weight.numel() for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.grad = part.view_as(weight)
