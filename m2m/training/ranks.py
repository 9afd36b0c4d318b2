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

    def average_gradients(self, weights: Sequence[nn.Parameter], rows: int) -> int:
        """Replace gradients by their mean over the rows of all processes; returns how many rows these are.

        A process that has run out of batches takes part with 0 rows, so files of different length need no filling up.
        The result is the gradient of one process with all the rows in one batch.
        """
        if self.size == 1:
            return rows
        parts = [_flat_gradient(weight) * rows for weight in weights]
        joined = torch.cat([*parts, parts[0].new_tensor([float(rows)])])
        distributed.all_reduce(joined)
        total = int(joined[-1].item())
        if total:
            _scatter(joined[:-1] / total, weights)
        return total


def _flat_gradient(weight: nn.Parameter) -> Tensor:
    found = torch.zeros_like(weight) if weight.grad is None else weight.grad
    return found.flatten()


def _scatter(joined: Tensor, weights: Sequence[nn.Parameter]) -> None:
    parts = torch.split(joined, [weight.numel() for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.grad = part.view_as(weight)
