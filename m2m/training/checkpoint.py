"""A checkpoint: one safetensors file that holds all tensors and, in its header, the plain numbers as JSON.

It is written under another name and put in place at once, so a kill at any moment leaves the old one or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from m2m.spec import FeatureSpec
from m2m.training.fitting import Fitted
from m2m.training.ranks import Ranks
from m2m.training.state import Progress, TrainingState


class CheckpointError(ValueError):
    """The file is no checkpoint of this training."""


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds. progress: of each training process, in rank order."""

    tensors: dict[str, Tensor]
    progress: list[Progress]
    fitted: Fitted


def save_checkpoint(
    file: Path, state: TrainingState, progress: Sequence[Progress], fitted: Fitted, fingerprint: str
) -> None:
    """Replace `file`. progress: of each process; fingerprint: of rows and settings."""
    file.parent.mkdir(parents=True, exist_ok=True)
    plain = {
        "fingerprint": fingerprint,
        "progress": [item.to_dict() for item in progress],
        "fitted": fitted.to_dict(),
    }
    fresh = file.with_name(f"{file.name}.fresh")
    tensors = {name: value.contiguous().cpu() for name, value in state.tensors().items()}
    save_file(tensors, fresh, metadata={"training": json.dumps(plain)})
    fresh.replace(file)


def load_together(file: Path, spec: FeatureSpec, fingerprint: str, ranks: Ranks) -> Checkpoint | None:
    """`load_checkpoint` in every process; all go on from the same step, or none does.

    Raises CheckpointError in all of them when one cannot read the file, or does not see it while others do.
    """
    found, trouble = None, None
    try:
        found = load_checkpoint(file, spec, fingerprint)
    except CheckpointError as error:
        trouble = str(error)
    seen = ranks.gather((trouble, found.progress[0].step if found else None))
    for told, _ in seen:
        if told is not None:
            raise CheckpointError(told)
    if len({step for _, step in seen}) > 1:
        raise CheckpointError(
            f"checkpoint {file} is not the same for all processes; each must reach the same file"
        )
    return found


def load_checkpoint(file: Path, spec: FeatureSpec, fingerprint: str) -> Checkpoint | None:
    """What `file` holds, None when there is no such file.

    Raises CheckpointError when it cannot be read, or belongs to other rows, settings or number of processes.
    """
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            plain: dict[str, Any] = json.loads((opened.metadata() or {})["training"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        if plain["fingerprint"] == fingerprint:
            progress = [Progress.from_dict(item) for item in plain["progress"]]
            return Checkpoint(tensors, progress, Fitted.from_dict(spec, plain["fitted"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"checkpoint {file} cannot be read: {error!r}; remove it to start anew"
        ) from error
    raise CheckpointError(
        f"checkpoint {file} belongs to other rows, settings or number of processes; remove it to start anew"
    )
