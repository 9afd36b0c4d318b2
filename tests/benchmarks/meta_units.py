"""One meta unit (K = 3, d_s = 64): grouped against a matrix per row, time and peak memory, 8,192 rows.

Row by row is given the micro-batch that is fastest for it, and is timed on 1,024 of the rows, to which its time is
proportional. Memory is compared for all 8,192 rows in one pass: the most that tensors hold at a time beyond the input.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import torch
from torch import Tensor

from m2m.meta_unit import MetaUnit
from tests.benchmarks.clock import THREADS, fastest, median_ratio, rounds, seconds
from tests.benchmarks.figures import Figure
from tests.benchmarks.memory import peak_bytes
from tests.m2m import row_by_row

ROWS, SHARE, LAYERS, D_SCENARIO = 8192, 1024, 3, 64
MICRO_BATCHES = (16, 64, 256, 1024)
COMMAND = "python -m tests.benchmarks meta_units"


def measure() -> Iterator[Figure]:
    """Speed-ups for d = 256 and 512 at 128 rows a group, d = 512 at 16, and the ratio of peak memory."""
    torch.set_num_threads(THREADS)
    for d, rows_each in ((256, 128), (512, 128), (512, 16)):
        yield from _speed(d, rows_each)
    yield from _memory()


@torch.inference_mode()
def _speed(d: int, rows_each: int) -> Iterator[Figure]:
    unit, rows, scenario = _problem(d, rows_each)
    own = scenario.repeat_interleave(rows_each, dim=0)[:SHARE]
    size = fastest(MICRO_BATCHES, lambda size: seconds(lambda: _row_by_row(unit, rows[:SHARE], own, size)))
    taken = rounds(
        {
            "plain": lambda: _row_by_row(unit, rows[:SHARE], own, size),
            "grouped": lambda: _grouped(unit, rows, scenario, rows_each),
        }
    )
    name = f"d{d}_g{rows_each}"
    plain = [time * ROWS / SHARE for time in taken["plain"]]
    yield Figure(f"meta_unit_us_row_by_row_{name}", statistics.median(plain) / ROWS * 1e6, "us/row", COMMAND)
    grouped = statistics.median(taken["grouped"])
    yield Figure(f"meta_unit_us_grouped_{name}", grouped / ROWS * 1e6, "us/row", COMMAND)
    yield Figure(f"meta_unit_speedup_{name}", median_ratio(plain, taken["grouped"]), "x", COMMAND)


def _problem(d: int, rows_each: int) -> tuple[MetaUnit, Tensor, Tensor]:
    torch.manual_seed(0)
    unit = MetaUnit(d, D_SCENARIO, LAYERS)
    return unit, torch.randn(ROWS, d), torch.randn(ROWS // rows_each, D_SCENARIO)


def _grouped(unit: MetaUnit, rows: Tensor, scenario: Tensor, rows_each: int) -> Tensor:
    groups = list(range(len(scenario)))
    layers = [layer.in_segments(groups, [rows_each] * len(groups)) for layer in unit.lazy(scenario)]
    return MetaUnit.apply_layers(rows[None, None], layers)


def _row_by_row(unit: MetaUnit, rows: Tensor, scenario: Tensor, size: int) -> Tensor:
    parts = zip(rows.split(size), scenario.split(size), strict=True)
    return torch.cat([row_by_row.meta_unit(unit, some[:, None, None], own) for some, own in parts])


@torch.inference_mode()
def _memory() -> Iterator[Figure]:
    unit, rows, scenario = _problem(256, 128)
    own = scenario.repeat_interleave(128, dim=0)
    grouped = peak_bytes(lambda: _grouped(unit, rows, scenario, 128))
    plain = peak_bytes(lambda: _row_by_row(unit, rows, own, ROWS))
    yield Figure("meta_unit_peak_grouped", grouped / 2**20, "MiB", COMMAND)
    yield Figure("meta_unit_peak_row_by_row", plain / 2**20, "MiB", COMMAND)
    yield Figure("meta_memory_ratio", grouped / plain, "", COMMAND)
