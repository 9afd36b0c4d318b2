"""How many rows go through the network at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from m2m import Bundle, ModelConfig, rows_of_a_pass
from m2m.bundle import build_model

MB = 2**20


@pytest.fixture
def wide(tiny_bundle: Bundle) -> Bundle:
    """The same bundle with a network of the default size, untrained."""
    config = ModelConfig.named("base")
    model = build_model(tiny_bundle.spec, config, tiny_bundle.encoder)
    return replace(tiny_bundle, model_config=config, model=model)


def test_more_memory_takes_more_rows_up_to_what_is_fastest(wide: Bundle) -> None:
    found = [rows_of_a_pass(wide, size * MB) for size in (1, 32, 64, 384, 100_000)]
    assert found == sorted(found)
    assert found[0] == 64 and found[-2] == found[-1] == 4096 and len(set(found)) >= 3


def test_rows_are_a_power_of_two_so_that_a_little_more_memory_moves_no_cut(wide: Bundle) -> None:
    for size in range(8, 400, 7):
        rows = rows_of_a_pass(wide, size * MB)
        assert rows & (rows - 1) == 0


def test_a_wider_model_takes_fewer_rows(tiny_bundle: Bundle, wide: Bundle) -> None:
    assert rows_of_a_pass(tiny_bundle, 16 * MB) > rows_of_a_pass(wide, 16 * MB)
