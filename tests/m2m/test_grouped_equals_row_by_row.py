"""The same numbers and the same gradients, however rows are grouped and laid out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from m2m import M2M
from m2m.groups import Groups
from tests.m2m import reference, row_by_row
from tests.m2m.test_model import BINS, DENSE, SIZES, make
from tests.m2m.world import SPEC

GROUP_SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=12)
LAYOUTS = ("blocks", "segments", "kept segments")
Rows = tuple[torch.Tensor, torch.Tensor, torch.Tensor, Groups]


def make_rows(sizes: list[int], chunks: bool = False) -> Rows:
    """Shuffled rows of groups of the given sizes: bins, dense, knowledge ids of every row, groups."""
    generator = np.random.default_rng(sum(sizes))
    code = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
    knowledge = np.stack(np.unravel_index(code, SIZES), axis=1)
    # Several pieces of one knowledge row, as in a training batch.
    pieces = code * 3 + np.arange(len(code)) % 3 if chunks else None
    bins = np.stack([generator.integers(n, size=(len(code), SPEC.history_days)) for n in BINS], axis=2)
    dense = generator.normal(size=(len(code), DENSE))
    groups = Groups.build(code, knowledge, pieces)
    return torch.from_numpy(bins), torch.from_numpy(dense), torch.from_numpy(knowledge), groups


def grouped(model: M2M, rows: Rows, layout: str) -> torch.Tensor:
    bins, dense, _, groups = rows
    model.in_segments = layout != "blocks"
    if layout != "kept segments":
        return model(bins, dense, groups)
    scenario = model.knowledge(groups.knowledge)
    return model.forward_with(bins, dense, groups, scenario, model.generate(scenario))


def with_gradients(model: M2M, output: torch.Tensor) -> list[torch.Tensor]:
    """The output and the gradient of every parameter, for a fixed mix of the outputs."""
    mix = torch.randn(output.shape, generator=torch.Generator().manual_seed(5), dtype=output.dtype)
    model.zero_grad()
    (output * mix).sum().backward()
    return [output.detach(), *[weight.grad.clone() for weight in model.parameters()]]


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(deadline=None, max_examples=15)
@given(sizes=GROUP_SIZES, chunks=st.booleans())
def test_in_float32_to_1e_5(layout: str, sizes: list[int], chunks: bool) -> None:
    model = make()
    bins, dense, knowledge, groups = make_rows(sizes, chunks)
    rows = (bins, dense.float(), knowledge, groups)
    found = with_gradients(model, grouped(model, rows, layout))
    expected = with_gradients(model, row_by_row.forward(model, *rows[:3]))
    worst = max(distance(one, other) for one, other in zip(found, expected, strict=True))
    assert worst <= 1e-5


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(deadline=None, max_examples=15)
@given(sizes=GROUP_SIZES, chunks=st.booleans())
def test_every_number_in_float64(layout: str, sizes: list[int], chunks: bool) -> None:
    model = make().double()
    rows = make_rows(sizes, chunks)
    found = with_gradients(model, grouped(model, rows, layout))
    expected = with_gradients(model, row_by_row.forward(model, *rows[:3]))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("changes", [{}, {"knowledge_input": True}, {"without_meta_attention": True},
                                     {"without_meta_tower": True}], ids=str)  # fmt: skip
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_vectorised_rows_equal_the_plain_equations(layout: str, changes: dict[str, bool]) -> None:
    model = make(**changes).double()
    rows = make_rows([1, 4, 2])
    expected = reference.forward(model, *rows[:3])
    for found in (row_by_row.forward(model, *rows[:3]), grouped(model, rows, layout)):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_gradients_rows_go_in_parts(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = make().double(), make_rows([40, 7, 1, 30])
    whole = grouped(model, rows, layout).detach()
    monkeypatch.setattr("m2m.network.ROWS_AT_ONCE", 9)
    monkeypatch.setattr("m2m.model.SEGMENT_ROWS", 16)
    with torch.inference_mode():
        torch.testing.assert_close(grouped(model, rows, layout), whole, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_groups_that_scored_can_train(layout: str) -> None:
    model, rows = make().double(), make_rows([3, 5])
    with torch.inference_mode():
        scored = grouped(model, rows, layout)
    trained = with_gradients(model, grouped(model, rows, layout))
    torch.testing.assert_close(trained[0], scored.clone(), rtol=1e-10, atol=1e-12)


def test_the_paper_goes_in_segments_and_base_in_blocks() -> None:
    assert not make().in_segments
    assert make(d_view=256, d_scenario=2).in_segments
