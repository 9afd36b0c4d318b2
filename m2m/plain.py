"""Plain dictionaries, as JSON gives them, back to data classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def exact_entries(cls: type, plain: Mapping[str, Any], what: str) -> dict[str, Any]:
    """`plain` as keyword arguments of the data class `cls`. Raises ValueError naming the entries of `what` when one is
    missing or unknown."""
    expected = {item.name for item in fields(cls)}
    if set(plain) != expected:
        raise ValueError(f"{what} has entries {sorted(plain)}, expected {sorted(expected)}")
    return dict(plain)
