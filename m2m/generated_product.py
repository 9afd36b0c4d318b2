"""A generated layer applied while it is generated, so that its weights are never held whole (equations 11-13).

Letters: U distinct knowledge rows, s = d_scenario, c copies, R rows in the order of their groups, i in, o out, d
width of the layer (i is d, or less when only the first rows of W are wanted).

Weights of U groups are c * d * d * U numbers: megabytes per group at the paper's sizes, most of the time written to
fresh memory only to be read once. Here a slab of rows of W is generated for many groups, multiplied while it is
still in the processor's cache, and overwritten by the next slab. The backward pass generates the slab again instead
of having kept it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Numbers in one slab: 6 MB stay in a usual last-level cache. Larger slabs are also given back to the system on every
# free, and fetching them again page by page costs more than filling them. docs/decisions/0006-grouped-meta-weights.md
_SLAB = 3 * 2**19
_GROUPS_AT_ONCE = 128


@dataclass(frozen=True)
class Slab:
    """Rows `first` to `last` of W of copy `copy`, for the groups `groups`, whose rows are `rows`."""

    copy: int
    groups: slice
    rows: slice
    first: int
    last: int

    def of_map(self, weight_map: Tensor) -> Tensor:
        """weight_map: [s, c, d, d]. Returns the part that generates the slab [s, (last - first) * d]."""
        return weight_map[:, self.copy, self.first : self.last].flatten(1)

    def of_base(self, weight_base: Tensor) -> Tensor:
        """weight_base: [c, d, d]. Returns [(last - first) * d]."""
        return weight_base[self.copy, self.first : self.last].flatten()

    def generate(self, scenario: Tensor, weight_map: Tensor, weight_base: Tensor, space: Tensor) -> Tensor:
        """The slab [groups, last - first, d], written into `space`: every slab into the same, so that it stays in the
        cache."""
        chosen, width = scenario[self.groups], weight_base.shape[2]
        shape = (len(chosen), (self.last - self.first) * width)
        out = space[: shape[0] * shape[1]].view(shape)
        torch.addmm(self.of_base(weight_base), chosen, self.of_map(weight_map), out=out)
        return out.view(shape[0], self.last - self.first, width)


def slabs(sizes: Sequence[int], copies: int, rows_in: int, width: int) -> Iterator[Slab]:
    """All slabs, the slabs of one copy and the same groups in turn. sizes: rows of each group [U]."""
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    for copy in range(copies):
        for group in range(0, len(sizes), _GROUPS_AT_ONCE):
            end = min(group + _GROUPS_AT_ONCE, len(sizes))
            height = max(1, min(rows_in, _SLAB // ((end - group) * width)))
            rows = slice(starts[group], starts[end])
            for first in range(0, rows_in, height):
                yield Slab(copy, slice(group, end), rows, first, min(first + height, rows_in))


class GeneratedProduct(torch.autograd.Function):
    """rows [c, R, i] -> rows W + b [c, R, d] with W = Reshape(V_w S~ + v_w) of each row's group."""

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        scenario: Tensor,
        weight_map: Tensor,
        weight_base: Tensor,
        bias: Tensor,
        sizes: list[int],
    ) -> Tensor:
        """scenario: S~ [U, s]; weight_map: [s, c * d * d]; weight_base: [c, d, d]; bias: [U, c, d]; sizes: [U]."""
        ctx.save_for_backward(rows, scenario, weight_map, weight_base)
        ctx.sizes = sizes
        copies, count, rows_in = rows.shape
        width = weight_base.shape[2]
        out = rows.new_empty(copies, count, width)
        for part, own in zip(torch.split(out, sizes, dim=1), bias, strict=True):
            part.copy_(own.unsqueeze(1))
        whole = weight_map.view(len(weight_map), copies, width, width)
        space = _space(rows, len(sizes), width)
        for slab in slabs(sizes, copies, rows_in, width):
            weight = slab.generate(scenario, whole, weight_base, space)
            part = rows[slab.copy, slab.rows, slab.first : slab.last]
            _products(out[slab.copy, slab.rows], part, weight, sizes[slab.groups], add=True)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the tensors of `forward`, slab by slab."""
        rows, scenario, weight_map, weight_base = ctx.saved_tensors
        state = _Backward(rows, scenario, weight_map, weight_base, grads[0].contiguous(), ctx.sizes)
        return (*state.run(ctx.needs_input_grad), None)


def _space(rows: Tensor, groups: int, width: int) -> Tensor:
    """Memory for any slab: a slab is at least one row of W for each of the groups that go at once."""
    at_once = min(groups, _GROUPS_AT_ONCE)
    return rows.new_empty(max(at_once * width, min(_SLAB, at_once * rows.shape[2] * width)))


def _products(out: Tensor, rows: Tensor, weight: Tensor, sizes: list[int], add: bool) -> None:
    """out [R, o] = rows [R, i] times the weight [U, i, o] of their group, or += with `add`."""
    beta = int(add)
    if len(set(sizes)) == 1:
        shape = (len(sizes), sizes[0])
        by_group(out, shape).baddbmm_(by_group(rows, shape), weight, beta=beta)
        return
    parts = zip(torch.split(out, sizes), torch.split(rows, sizes), weight, strict=True)
    for part, some, own in parts:
        part.addmm_(some, own, beta=beta)


class _Backward:
    """One backward pass of `GeneratedProduct`."""

    def __init__(
        self, rows: Tensor, scenario: Tensor, weight_map: Tensor, weight_base: Tensor, grad: Tensor,
        sizes: list[int],
    ) -> None:  # fmt: skip
        self.rows, self.scenario, self.base, self.grad, self.sizes = rows, scenario, weight_base, grad, sizes
        width = weight_base.shape[2]
        self.map = weight_map.view(len(weight_map), len(weight_base), width, width)
        self.space = _space(rows, len(sizes), width)

    def run(self, wanted: Sequence[bool]) -> tuple[Tensor | None, ...]:
        to_weights = any(wanted[1:4])
        copies, _, rows_in = self.rows.shape
        grad_rows = self.rows.new_empty(self.rows.shape) if wanted[0] else None
        if to_weights:
            # Every part of the first `rows_in` rows is written by its first slab; the rest takes no part.
            self.grad_map, self.grad_base = torch.empty_like(self.map), torch.empty_like(self.base)
            self.grad_scenario = torch.zeros_like(self.scenario)
            if rows_in < self.map.shape[2]:
                self.grad_map[:, :, rows_in:] = 0
                self.grad_base[:, rows_in:] = 0
        for slab in slabs(self.sizes, copies, rows_in, self.map.shape[3]):
            if grad_rows is not None:
                self._to_rows(grad_rows, slab)
            if to_weights:
                self._to_weights(slab)
        bias = self._to_bias() if wanted[4] else None
        if not to_weights:
            return grad_rows, None, None, None, bias
        return grad_rows, self.grad_scenario, self.grad_map.flatten(1), self.grad_base, bias

    def _to_rows(self, grad_rows: Tensor, slab: Slab) -> None:
        weight = slab.generate(self.scenario, self.map, self.base, self.space).transpose(1, 2)
        out = grad_rows[slab.copy, slab.rows, slab.first : slab.last]
        _products(out, self.grad[slab.copy, slab.rows], weight, self.sizes[slab.groups], add=False)

    def _to_weights(self, slab: Slab) -> None:
        part = self.rows[slab.copy, slab.rows, slab.first : slab.last]
        grad = _outer_products(part, self.grad[slab.copy, slab.rows], self.sizes[slab.groups]).flatten(1)
        scenario = self.scenario[slab.groups]
        first_groups = slab.groups.start == 0
        to_map = slab.of_map(self.grad_map)
        to_map.addmm_(scenario.T, grad, beta=0 if first_groups else 1)
        to_base = slab.of_base(self.grad_base)
        to_base.copy_(grad.sum(0)) if first_groups else to_base.add_(grad.sum(0))
        self.grad_scenario[slab.groups].addmm_(grad, slab.of_map(self.map).T)

    def _to_bias(self) -> Tensor:
        parts = torch.split(self.grad, list(self.sizes), dim=1)
        return torch.stack([part.sum(1) for part in parts])


def by_group(rows: Tensor, shape: tuple[int, int]) -> Tensor:
    """rows [R, i] as [U, g, i], for groups of equal size. A view, also of rows that stand apart in memory."""
    return torch.unflatten(rows, 0, shape)


def _outer_products(rows: Tensor, grad: Tensor, sizes: list[int]) -> Tensor:
    """The gradient of each group's weight [U, i, o]: rows [R, i] transposed times grad [R, o], by group."""
    if len(set(sizes)) == 1:
        shape = (len(sizes), sizes[0])
        return torch.bmm(by_group(rows, shape).transpose(1, 2), by_group(grad, shape))
    out = rows.new_empty(len(sizes), rows.shape[1], grad.shape[1])
    for own, some, its_grad in zip(out, torch.split(rows, sizes), torch.split(grad, sizes), strict=True):
        torch.mm(some.T, its_grad, out=own)
    return out
