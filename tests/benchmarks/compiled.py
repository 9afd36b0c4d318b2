"""torch.compile against eager, `base` and `paper`: forward and training step, first call, new group shapes.

Runs only by name: it needs a C++ compiler, which the project itself does not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from m2m.model import M2M
from tests.benchmarks.clock import THREADS, Call, median_ratio, rounds
from tests.benchmarks.figures import Figure
from tests.benchmarks.paper_case import Case, make_case, make_model

COMMAND = "python -m tests.benchmarks compiled"
# (model, groups, rows each): a training batch of `base`, a smaller one of `paper`.
SETTINGS = (("base", 32, 8), ("paper", 16, 32))


def measure() -> Iterator[Figure]:
    """Eager seconds over compiled seconds (above 1: compiled is faster), and the seconds that compiling takes."""
    torch.set_num_threads(THREADS)
    for name, groups, rows_each in SETTINGS:
        model = make_model(name)
        case = make_case(model, groups, rows_each, 8)
        other = make_case(model, groups - 3, rows_each + 8, 8)
        yield from _forward(model, name, case, other)
        yield from _training(model, name, case)


def _forward(model: M2M, name: str, case: Case, other: Case) -> Iterator[Figure]:
    torch._dynamo.reset()
    compiled = torch.compile(model.eval(), dynamic=True)
    with torch.no_grad():
        yield _figure(f"compile_seconds_forward_{name}", wall_seconds(lambda: _run(compiled, case)), "s")
        yield _figure(f"compile_seconds_new_groups_{name}", wall_seconds(lambda: _run(compiled, other)), "s")
        ways = {"eager": lambda: _run(model, case), "compiled": lambda: _run(compiled, case)}
        taken = rounds(ways, count=5)
    yield _figure(f"compiled_forward_speedup_{name}", median_ratio(taken["eager"], taken["compiled"]), "x")


def _training(model: M2M, name: str, case: Case) -> Iterator[Figure]:
    torch._dynamo.reset()
    compiled = torch.compile(model.train(), dynamic=True)
    yield _figure(f"compile_seconds_training_{name}", wall_seconds(lambda: _step(model, compiled, case)), "s")
    ways = {"eager": lambda: _step(model, model, case), "compiled": lambda: _step(model, compiled, case)}
    taken = rounds(ways, count=3)
    yield _figure(f"compiled_training_speedup_{name}", median_ratio(taken["eager"], taken["compiled"]), "x")


def _run(network: torch.nn.Module, case: Case) -> torch.Tensor:
    return network(case.bins, case.dense, case.groups)


def _step(model: M2M, network: torch.nn.Module, case: Case) -> None:
    model.zero_grad(set_to_none=True)
    model.head.loss(_run(network, case), case.labels).mean(dim=0).sum().backward()


def wall_seconds(call: Call) -> float:
    """Compiling runs in processes of its own, so it is the clock on the wall that counts."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _figure(name: str, value: float, unit: str) -> Figure:
    return Figure(name, value, unit, COMMAND)
