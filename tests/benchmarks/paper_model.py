"""The whole `paper` model: forward and training step, grouped against a matrix per row.

Letters: k experts, m tasks, d = d_view, s = d_scenario, K meta layers, L tower layers, n = d_expert_hidden.

Forward: 4,096 rows of 32 knowledge rows, 128 each, shuffled. Training step: 2,048 rows in shuffled chunks of 8, 64
knowledge rows. The row-by-row way would need 20 MB of weights a row, so it goes in the micro-batch that is fastest for
it (with gradients added up and one optimiser step, where it trains), is timed on some rows, and scaled to all.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import torch

from m2m.model import M2M
from tests.benchmarks.clock import THREADS, fastest, median_ratio, rounds, seconds
from tests.benchmarks.figures import Figure
from tests.benchmarks.paper_case import SPEC, Case, make_case, make_model
from tests.m2m import row_by_row

FORWARD_GROUPS, FORWARD_ROWS_EACH, FORWARD_SHARE = 32, 128, 128
TRAIN_GROUPS, TRAIN_ROWS_EACH, TRAIN_SHARE, CHUNK_ROWS = 64, 32, 64, 8
MATRIX = 2048
COMMAND = "python -m tests.benchmarks paper_model"


def measure() -> Iterator[Figure]:
    """Speed-ups of forward and of a training step; the share of the processor's matmul rate that forward reaches."""
    torch.set_num_threads(THREADS)
    model = make_model("paper")
    yield from _forward(model)
    yield from _training(model)


@torch.inference_mode()
def _forward(model: M2M) -> Iterator[Figure]:
    model.eval()
    case = make_case(model, FORWARD_GROUPS, FORWARD_ROWS_EACH)
    rows, left = len(case.bins), torch.randn(MATRIX, MATRIX)
    result = torch.empty_like(left)
    size = fastest((32, 64, 128), lambda size: seconds(lambda: _plain_forward(model, case, size)))
    taken = rounds(
        {
            "matmul": lambda: torch.mm(left, left, out=result),
            "grouped": lambda: model(case.bins, case.dense, case.groups),
            "plain": lambda: _plain_forward(model, case, size),
        }
    )
    plain = [time * rows / FORWARD_SHARE for time in taken["plain"]]
    yield _per_row("paper_forward_us_row_by_row", plain, rows)
    yield _per_row("paper_forward_us_grouped", taken["grouped"], rows)
    yield Figure("paper_forward_speedup", median_ratio(plain, taken["grouped"]), "x", COMMAND)
    rate = [2 * MATRIX**3 / time for time in taken["matmul"]]
    yield Figure("matmul_rate", statistics.median(rate) / 1e9, "GFLOP/s", COMMAND)
    work = rows * row_operations(model) + FORWARD_GROUPS * group_operations(model)
    reached = [work / time for time in taken["grouped"]]
    yield Figure("forward_matmul_share", median_ratio(reached, rate), "", COMMAND)


def row_operations(model: M2M) -> float:
    """Floating-point operations of the matrix products that one row needs; nothing else is counted."""
    config, days, tasks = model.config, SPEC.history_days, len(SPEC.tasks)
    wide = config.heads * config.d_head
    sequences = 0.0
    for layer in (model.behaviour_layer, model.performance_layer):
        width = layer.query_key_value.in_features
        sequences += days * (3 * width * wide + wide * wide) + 2 * days * days * wide
    d, hidden = config.d_view, config.d_expert_hidden
    experts = config.experts * (model.experts.hidden.in_features * hidden + hidden * d)
    first, rest = d * 2 * d, (config.meta_layers - 1) * (2 * d) ** 2
    attention = tasks * config.experts * (first + rest + 2 * d + d)
    tower = tasks * config.tower_layers * config.meta_layers * d * d
    return 2 * (sequences + experts + attention + tower + tasks * d)


def group_operations(model: M2M) -> float:
    """Floating-point operations that generate the weights of one knowledge row: of meta attention's first layer only
    the half that meets the experts."""
    config, tasks = model.config, len(SPEC.tasks)
    d = config.d_view
    attention = tasks * (2 * d * d + (config.meta_layers - 1) * (2 * d) ** 2)
    tower = config.tower_layers * config.meta_layers * d * d
    return 2 * config.d_scenario * (attention + tower)


def _plain_forward(model: M2M, case: Case, size: int) -> None:
    for start in range(0, FORWARD_SHARE, size):
        row_by_row.forward(model, *case.part(start, start + size))


def _training(model: M2M) -> Iterator[Figure]:
    model.train()
    case = make_case(model, TRAIN_GROUPS, TRAIN_ROWS_EACH, CHUNK_ROWS)
    rows = len(case.bins)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, betas=(0.9, 0.998), eps=1e-9, fused=True)

    def update() -> None:
        torch.nn.utils.clip_grad_value_(model.parameters(), 3.0)
        optimiser.step()

    def gradients(compute: Callable[[], None]) -> None:
        optimiser.zero_grad(set_to_none=True)
        compute()

    def plain(size: int) -> None:
        gradients(lambda: _plain_gradients(model, case, size))

    size = fastest((32, 64), lambda size: seconds(lambda: plain(size)))
    taken = rounds(
        {
            "plain": lambda: plain(size),
            "grouped": lambda: gradients(lambda: _grouped_gradients(model, case)),
            "update": update,
        },
        count=2,
    )
    updates = taken["update"]
    whole = [time * rows / TRAIN_SHARE + update for time, update in zip(taken["plain"], updates, strict=True)]
    grouped = [time + update for time, update in zip(taken["grouped"], updates, strict=True)]
    yield _per_row("training_step_us_row_by_row", whole, rows)
    yield _per_row("training_step_us_grouped", grouped, rows)
    yield Figure("training_step_speedup", median_ratio(whole, grouped), "x", COMMAND)


def _grouped_gradients(model: M2M, case: Case) -> None:
    loss = model.head.loss(model(case.bins, case.dense, case.groups), case.labels)
    loss.mean(dim=0).sum().backward()


def _plain_gradients(model: M2M, case: Case, size: int) -> None:
    for start in range(0, TRAIN_SHARE, size):
        raw = row_by_row.forward(model, *case.part(start, start + size))
        loss = model.head.loss(raw, case.labels[start : start + size])
        (loss.sum() / len(case.bins)).backward()


def _per_row(name: str, taken: list[float], rows: int) -> Figure:
    return Figure(name, statistics.median(taken) / rows * 1e6, "us/row", COMMAND)
