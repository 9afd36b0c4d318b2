"""A trained model as a folder: model.safetensors (weights) and bundle.json (everything else).

Letters: m tasks.

The SHA-256 covers both files, so a score can be traced to exactly one model. bundle.json has exactly one spelling:
the one `Bundle.save` writes. So every changed byte of either file is refused, white space too. No pickle anywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from m2m.config import ModelConfig
from m2m.encoder import Encoder
from m2m.network import Network
from m2m.networks import NETWORKS
from m2m.recalibration import Recalibration
from m2m.spec import FeatureSpec
from m2m.version import __version__

# 4: the recalibration says what the last days add to point estimates, the spec where a task's past stands.
FORMAT_VERSION = 4
WEIGHTS_FILE, JSON_FILE = "model.safetensors", "bundle.json"
_ENTRIES = (
    "code_version", "encoder", "format_version", "metrics", "model_config", "recalibration", "sha256", "spec",
    "task_scales", "training_config", "training_days",
)  # fmt: skip


class BundleError(ValueError):
    """The folder is not a bundle this code can trust and read."""


@dataclass(frozen=True)
class Bundle:
    """A model with all it needs to score.

    task_scales: training mean of each task [m]. training_config: how it was trained. training_days: as-of
    days seen in training ("first", "last", "count"), empty when not known. metrics: figures on the validation
    rows. recalibration: what forecasts and point estimates take from labels.
    """

    spec: FeatureSpec
    model_config: ModelConfig
    encoder: Encoder
    model: Network
    task_scales: npt.NDArray[np.float64]
    training_config: Mapping[str, Any] = field(default_factory=dict)
    training_days: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    code_version: str = __version__
    recalibration: Recalibration = field(default_factory=Recalibration)

    @cached_property
    def _weights(self) -> bytes:
        state = self.model.state_dict()
        return save_tensors({name: state[name].contiguous().cpu() for name in sorted(state)})

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the canonical JSON (without the SHA itself) and the weights file."""
        return _sha256(self._description(), self._weights)

    def _description(self) -> dict[str, Any]:
        return {
            "format_version": FORMAT_VERSION,
            "code_version": self.code_version,
            "spec": self.spec.to_dict(),
            "model_config": self.model_config.to_dict(),
            "encoder": self.encoder.to_dict(),
            "task_scales": dict(zip(self.spec.tasks, self.task_scales.tolist(), strict=True)),
            "training_config": dict(self.training_config),
            "training_days": dict(self.training_days),
            "metrics": dict(self.metrics),
            "recalibration": self.recalibration.to_dict(),
        }

    def save(self, folder: str | Path) -> None:
        """Write the two files into `folder`, which is made when it is not there.

        Each file appears under its name only when it is complete, and the JSON, which names the weights by their
        SHA-256, comes last: a save that is killed leaves the bundle that was there, or a folder that is refused.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        text = _spell({**self._description(), "sha256": self.sha256})
        _replace(target / WEIGHTS_FILE, self._weights)
        _replace(target / JSON_FILE, text)

    def require_columns(self, columns: Iterable[str]) -> None:
        """Raise BundleError naming every column the model reads that is not among `columns`."""
        available = set(columns)
        needed = (*self.spec.sequence_columns, *self.spec.knowledge)
        missing = [name for name in needed if name not in available]
        if missing:
            raise BundleError(f"columns {missing} are missing, the model was trained with {list(needed)}")

    @classmethod
    def load(cls, folder: str | Path, expected_sha256: str | None = None) -> Bundle:
        """Read a bundle. Raises BundleError, and nothing else, when a file is missing, cut or changed by as much as
        a byte, when the format is newer or older than this code, when an entry is missing, or when the SHA-256 is
        not `expected_sha256`."""
        text, weights = _read(Path(folder) / JSON_FILE), _read(Path(folder) / WEIGHTS_FILE)
        description = _parse(text)
        found = description.pop("sha256")
        actual = _sha256(description, weights)
        if found != actual:
            raise BundleError(f"bundle {folder} was changed: its SHA-256 is {actual}, expected {found}")
        if expected_sha256 is not None and actual != expected_sha256:
            raise BundleError(f"bundle {folder} has SHA-256 {actual}, expected {expected_sha256}")
        try:
            bundle = cls._from_parts(description, weights)
            same = bundle._description() == description
        # The SHA-256 is no signature: whatever a folder made elsewhere holds, it is told in one way.
        except Exception as error:
            raise BundleError(f"bundle {folder} does not fit this code: {error!r}") from error
        if not same:
            raise BundleError(f"bundle {folder} does not fit this code: it holds more than this code reads")
        return bundle

    @classmethod
    def _from_parts(cls, plain: dict[str, Any], weights: bytes) -> Bundle:
        spec = FeatureSpec.from_dict(plain["spec"])
        config = ModelConfig.from_dict(plain["model_config"])
        encoder = Encoder.from_dict(spec, plain["encoder"])
        model = build_model(spec, config, encoder)
        model.load_state_dict(load_tensors(weights))
        model.eval()
        scales = np.asarray([plain["task_scales"][task] for task in spec.tasks], dtype=np.float64)
        rest = {name: plain[name] for name in ("training_config", "training_days", "metrics", "code_version")}
        recalibration = Recalibration.from_dict(plain["recalibration"])
        return cls(spec, config, encoder, model, scales, **rest, recalibration=recalibration)


def build_model(spec: FeatureSpec, config: ModelConfig, encoder: Encoder) -> Network:
    """A network with the sizes that the fitted encoder asks for; its weights are not trained."""
    sizes = (encoder.discretiser.bins, encoder.vocabulary.sizes, encoder.dense_width)
    return NETWORKS[config.network](spec, config, *sizes)


def _sha256(description: Mapping[str, Any], weights: bytes) -> str:
    canonical = json.dumps(description, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode() + b"\n" + weights).hexdigest()


def _spell(plain: Mapping[str, Any]) -> bytes:
    """The one way in which bundle.json is written."""
    return (json.dumps(plain, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _parse(text: bytes) -> dict[str, Any]:
    try:
        plain = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{JSON_FILE} is not readable JSON: {error}") from error
    if not isinstance(plain, dict):
        raise BundleError(f"{JSON_FILE} holds {type(plain).__name__}, expected an object")
    # The format comes first: another one may well have other entries, and saying so is the useful message.
    _check_format(plain.get("format_version"))
    if sorted(plain) != sorted(_ENTRIES):
        raise BundleError(f"{JSON_FILE} has entries {sorted(plain)}, expected {sorted(_ENTRIES)}")
    _check_spelling(text, plain)
    return plain


def _check_format(version: object) -> None:
    if type(version) is not int or version < 1:
        raise BundleError(f"format version is {version!r}, this code reads {FORMAT_VERSION}")
    if version > FORMAT_VERSION:
        raise BundleError(
            f"format version is {version}, this code reads {FORMAT_VERSION}: a newer version of the code wrote it"
        )
    if version < FORMAT_VERSION:
        raise BundleError(
            f"format version is {version}, this code reads {FORMAT_VERSION}: the bundle is older, train again"
        )


def _check_spelling(text: bytes, plain: Mapping[str, Any]) -> None:
    try:
        expected = _spell(plain)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{JSON_FILE} was changed: {error}") from error
    if text == expected:
        return
    shorter = min(len(text), len(expected))
    place = next((at for at in range(shorter) if text[at] != expected[at]), shorter)
    line = expected[:place].count(b"\n") + 1
    raise BundleError(
        f"{JSON_FILE} was changed: from byte {place} (line {line}) on it is not spelt as it was written"
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
