"""Training stops at a loss that is not finite or explodes, and says where: step, task and keys of the rows.

Letters: B rows of a batch, m tasks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from m2m.sources import SampleSource
from m2m.training.batches import Batch

_ROWS_TOLD = 3


class TrainingError(ValueError):
    """Training cannot go on or cannot start: the message says at which step, for which task and rows."""


def check_losses(
    by_row: Tensor, tasks: tuple[str, ...], limit: float, where: str, batch: Batch, source: SampleSource
) -> None:
    """by_row: loss of each row and task [B, m]. Raises TrainingError when a task's mean is NaN or above `limit`."""
    by_task = by_row.detach().mean(dim=0)
    wrong = ~(by_task <= limit)
    if bool(wrong.any()):
        task = int(wrong.nonzero()[0])
        rows = tell_rows(by_row.detach()[:, task], batch, source)
        raise TrainingError(f"loss of task {tasks[task]} is {float(by_task[task])} at {where}; {rows}")


def tell_rows(loss: Tensor, batch: Batch, source: SampleSource) -> str:
    """Keys of the rows with the largest loss [B] (not finite ones first), read again from the source."""
    ranked = torch.nan_to_num(loss.double(), nan=torch.inf, posinf=torch.inf)
    worst = torch.argsort(ranked, descending=True, stable=True)[:_ROWS_TOLD].tolist()
    told = []
    for piece, place in (batch.origin[row].tolist() for row in worst):
        keys = {name: values[place] for name, values in source.keys(piece).items()}
        named = ", ".join(f"{name} {value}" for name, value in keys.items())
        told.append(f"({named or f'piece {piece}, row {place}'})")
    return f"rows with the largest loss of its batch: {', '.join(told)}"
