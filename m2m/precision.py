"""A model made ready to score on a device, in float32 or bfloat16."""

from __future__ import annotations

import copy

import torch

from m2m.network import Network

PRECISIONS = ("float32", "bfloat16")
DEVICES = ("cpu", "cuda")


def model_for(model: Network, precision: str, device: str) -> Network:
    """`model` itself in evaluation mode, or a copy on `device` and in `precision`; the head stays in float32.

    Raises ValueError on an unknown or absent device, and on a precision it does not multiply natively.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}, expected one of {list(PRECISIONS)}")
    _check_device(device)
    model.eval()
    if (precision, device) == ("float32", "cpu"):
        return model
    ready = copy.deepcopy(model).to(device)
    if precision == "bfloat16":
        if not bfloat16_is_native(device):
            raise ValueError(f"{device} does not multiply bfloat16 natively, expected precision 'float32'")
        head = (ready.head_weight.data, ready.head_bias.data)
        ready = ready.to(torch.bfloat16)
        ready.head_weight.data, ready.head_bias.data = head
    return ready


def bfloat16_is_native(device: str) -> bool:
    """Whether `device` has instructions that multiply bfloat16 (AVX512_BF16 or AMX; tensor cores)."""
    _check_device(device)
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _check_device(device: str) -> None:
    if device not in DEVICES:
        raise ValueError(f"device is {device!r}, expected one of {list(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but torch finds no CUDA device here, expected 'cpu'")
