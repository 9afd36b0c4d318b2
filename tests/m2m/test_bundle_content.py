"""Bundles whose SHA-256 is right and whose content is not: the SHA-256 is no signature."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save as save_tensors

from m2m import Bundle, BundleError
from m2m.bundle import JSON_FILE, WEIGHTS_FILE, _sha256, _spell
from tests.m2m.world import SPEC


def sign(folder: Path, change: dict[str, object] | None = None, weights: bytes | None = None) -> None:
    """Change the folder and give it the SHA-256 that fits what it holds now."""
    if weights is not None:
        (folder / WEIGHTS_FILE).write_bytes(weights)
    plain = json.loads((folder / JSON_FILE).read_text())
    plain.update(change or {})
    del plain["sha256"]
    plain["sha256"] = _sha256(plain, (folder / WEIGHTS_FILE).read_bytes())
    (folder / JSON_FILE).write_bytes(_spell(plain))


def huge_header() -> bytes:
    """Safetensors begin with the length of their header: this one claims 2**60 bytes."""
    return (2**60).to_bytes(8, "little") + b"{}"


def overlapping_header() -> bytes:
    entry = '"{}": {{"dtype": "F32", "shape": [2], "data_offsets": [{}, {}]}}'
    header = ("{" + entry.format("a", 0, 8) + "," + entry.format("b", 4, 12) + "}").encode()
    return len(header).to_bytes(8, "little") + header + bytes(12)


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        huge_header(),
        overlapping_header(),
        b"\x80\x04\x95" + b"." * 50,
        save_tensors({}),
        save_tensors({"head_bias": torch.zeros(3, 1)}),
    ],
    ids=["empty", "png", "huge header", "overlap", "pickle", "no tensor", "one tensor"],
)
def test_weights_that_are_none_are_refused(folder: Path, weights: bytes) -> None:
    sign(folder, weights=weights)
    with pytest.raises(BundleError, match="does not fit this code"):
        Bundle.load(folder)


def spec_without(name: str) -> dict[str, object]:
    return {key: value for key, value in SPEC.to_dict().items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        {"spec": spec_without("tasks")},
        {"spec": []},
        {"task_scales": {"impressions": 1.0}},
        {"task_scales": {**dict.fromkeys(SPEC.tasks, 1.0), "gmv": 1.0}},
        {"model_config": None},
        {"encoder": {"bin_edges": {}, "vocabularies": {}, "dense_standardisation": {}}},
        {"training_config": 3},
        {"metrics": "good"},
    ],
    ids=lambda change: f"{next(iter(change))}",
)
def test_well_signed_nonsense_is_refused(folder: Path, change: dict[str, object]) -> None:
    sign(folder, change)
    with pytest.raises(BundleError, match="does not fit this code"):
        Bundle.load(folder)


def test_sizes_beyond_any_memory_are_refused(folder: Path) -> None:
    config = json.loads((folder / JSON_FILE).read_text())["model_config"]
    sign(folder, {"model_config": {**config, "d_view": 10**12}})
    with pytest.raises(BundleError, match="does not fit this code"):
        Bundle.load(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"format_version": NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b'{"format_version": 3, "name": "\xff\xfe"}',
        b"\xef\xbb\xbf{}",
        b'{"format_version": ' + b"9" * 10_000 + b"}",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_files_that_are_no_bundle(folder: Path, content: bytes) -> None:
    (folder / JSON_FILE).write_bytes(content)
    with pytest.raises(BundleError):
        Bundle.load(folder)


def test_weights_and_json_in_each_others_place(folder: Path) -> None:
    text, weights = (folder / JSON_FILE).read_bytes(), (folder / WEIGHTS_FILE).read_bytes()
    (folder / JSON_FILE).write_bytes(weights)
    (folder / WEIGHTS_FILE).write_bytes(text)
    with pytest.raises(BundleError, match="not readable JSON"):
        Bundle.load(folder)
