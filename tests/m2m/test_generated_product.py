from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from m2m import generated_product
from m2m.generated_product import GeneratedProduct, slabs
from m2m.groups import Segments
from m2m.meta_unit import MetaLayer, MetaUnit, spread


@pytest.fixture
def small_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slabs so small that even these layers take many of them, in several rounds of groups."""
    monkeypatch.setattr(generated_product, "_SLAB", 20)
    monkeypatch.setattr(generated_product, "_GROUPS_AT_ONCE", 2)


def plain(rows: torch.Tensor, scenario: torch.Tensor, layer: MetaLayer, sizes: list[int]) -> torch.Tensor:
    """The definition: W of every group, then its rows times W."""
    weights = layer(scenario)
    parts = rows.split(sizes, dim=1)
    height = rows.shape[2]
    found = [
        part @ weights.weight[group][:, :height] + weights.bias[group].unsqueeze(1)
        for group, part in enumerate(parts)
    ]
    return torch.cat(found, dim=1)


@pytest.mark.usefixtures("small_slabs")
@pytest.mark.parametrize("sizes", [[1], [3, 3, 3], [1, 5, 2, 1], [2, 2, 4, 1, 1]], ids=str)
@pytest.mark.parametrize("height", [4, 2])
def test_equals_generating_first_and_gradients_are_right(sizes: list[int], height: int) -> None:
    layer = MetaLayer(d=4, d_scenario=3, copies=2, scale=1.0, generated=True).double()
    rows = torch.randn(2, sum(sizes), height, dtype=torch.float64, requires_grad=True)
    scenario = torch.randn(len(sizes), 3, dtype=torch.float64, requires_grad=True)
    lazy = layer.lazy(scenario)
    found = GeneratedProduct.apply(rows, lazy.scenario, lazy.weight_map, lazy.weight_base, lazy.bias, sizes)
    torch.testing.assert_close(found, plain(rows, scenario, layer, sizes), rtol=1e-12, atol=1e-12)
    inputs = [value.detach().requires_grad_() for value in (rows, scenario, *list(vars(lazy).values())[1:])]
    assert torch.autograd.gradcheck(lambda *given: GeneratedProduct.apply(*given, sizes), inputs)


def test_a_gradient_that_nobody_wants_is_not_computed() -> None:
    layer = MetaLayer(d=4, d_scenario=3, copies=1, scale=1.0, generated=True).requires_grad_(False)
    lazy = layer.lazy(torch.randn(2, 3))
    rows = torch.randn(1, 5, 4, requires_grad=True)
    product = GeneratedProduct.apply(
        rows, lazy.scenario, lazy.weight_map, lazy.weight_base, lazy.bias, [2, 3]
    )
    product.sum().backward()
    expected = [lazy_sum.sum(dim=1) for lazy_sum in layer(lazy.scenario).weight.squeeze(1)]
    torch.testing.assert_close(rows.grad[0, 0], expected[0])
    torch.testing.assert_close(rows.grad[0, 4], expected[1])
    assert layer.weight_map.grad is None


@given(st.lists(st.integers(1, 9), min_size=1, max_size=300), st.integers(1, 3), st.integers(1, 600))
def test_slabs_cover_every_weight_once(sizes: list[int], copies: int, width: int) -> None:
    covered = 0
    for slab in slabs(sizes, copies, width, width):
        groups = sizes[slab.groups]
        assert slab.rows.stop - slab.rows.start == sum(groups)
        assert slab.rows.start == sum(sizes[: slab.groups.start])
        height = slab.last - slab.first
        assert height == 1 or len(groups) * height * width <= generated_product._SLAB
        covered += len(groups) * height
    assert covered == copies * len(sizes) * width


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 40))
def test_cut_keeps_order_and_limit(sizes: list[int], max_rows: int) -> None:
    segments = Segments(torch.empty(0), torch.empty(0), list(range(len(sizes))), sizes)
    parts = list(segments.cut(max_rows))
    flat = [(group, size) for groups, some in parts for group, size in zip(groups, some, strict=True)]
    assert max(sum(some) for _, some in parts) <= max_rows
    for group, size in enumerate(sizes):
        assert sum(s for g, s in flat if g == group) == size
    assert [g for g, _ in flat] == sorted(g for g, _ in flat)
    assert list(segments.cut(None)) == [(segments.groups, sizes)]


def test_kept_layers_in_segments_equal_lazy_ones() -> None:
    unit = MetaUnit(d=6, d_scenario=3, layers=3, copies=2)
    scenario, groups, sizes = torch.randn(4, 3), [2, 0, 2], [1, 3, 2]
    rows = torch.randn(1, 2, 12, 6)
    assert spread(sizes, 12) == [2, 6, 4]
    kept = [layer.in_segments(groups, sizes) for layer in unit.generate(scenario)]
    lazy = [layer.in_segments(groups, sizes) for layer in unit.lazy(scenario)]
    torch.testing.assert_close(
        MetaUnit.apply_layers(rows, kept), MetaUnit.apply_layers(rows, lazy), rtol=1e-5, atol=1e-6
    )
