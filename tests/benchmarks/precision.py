"""bfloat16 against float32 scoring: time, and what it does to scores and to who is selected.

Two small trained bundles, of `base` and of `paper` sizes, on the synthetic world of the tests. Time is that of the
network on encoded rows; encoding is the same for both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from m2m import Bundle, ModelConfig, Scorer, Trainer, TrainingConfig
from m2m.precision import bfloat16_is_native, model_for
from tests.benchmarks.clock import THREADS, median_ratio, rounds
from tests.benchmarks.figures import Figure
from tests.benchmarks.paper_case import make_case, make_model
from tests.m2m.world import SPEC, make_samples

ROWS, MAX_ACTIVE_RATE = 4000, 0.35
COMMAND = "python -m tests.benchmarks precision"


def measure() -> Iterator[Figure]:
    """Speed-up, relative difference of scores, and share of rows whose selection changes. Nothing where the processor
    does not multiply bfloat16."""
    torch.set_num_threads(THREADS)
    if not bfloat16_is_native("cpu"):
        print("this processor does not multiply bfloat16: no figures of it")
        return
    for name in ("base", "paper"):
        yield Figure(f"bfloat16_speedup_{name}", _speedup(name), "x", COMMAND)
        yield from _differences(name, _train(name))


@torch.inference_mode()
def _speedup(name: str) -> float:
    model = make_model(name)
    fast = model_for(model, "bfloat16", "cpu")
    case = make_case(model_for(model, "float32", "cpu"), 16, 128)
    inputs = (case.bins, case.dense, case.groups)
    taken = rounds({"float32": lambda: model(*inputs), "bfloat16": lambda: fast(*inputs)})
    return median_ratio(taken["float32"], taken["bfloat16"])


def _train(name: str) -> Bundle:
    rows, batch = (3000, 256) if name == "base" else (1024, 512)
    training = TrainingConfig(epochs=4, batch_size=batch, warmup_steps=5, progress=False, threads=THREADS)
    config = ModelConfig.named(name)
    return Trainer(SPEC, config, training).fit(make_samples(rows), make_samples(200, seed=1))


def _differences(name: str, bundle: Bundle) -> Iterator[Figure]:
    samples = make_samples(ROWS, seed=2)
    exact, rough = (Scorer(bundle, precision=p).predict(samples).mean for p in ("float32", "bfloat16"))
    relative = np.abs(rough - exact) / exact
    yield Figure(f"bfloat16_largest_difference_{name}", float(relative.max()), "", COMMAND)
    yield Figure(f"bfloat16_mean_difference_{name}", float(relative.mean()), "", COMMAND)
    task, limit = SPEC.tasks.index("active_days"), MAX_ACTIVE_RATE * SPEC.horizon_days
    before, after = exact[:, task] <= limit, rough[:, task] <= limit
    yield Figure(f"bfloat16_selected_{name}", int(before.sum()), "rows", COMMAND)
    yield Figure(f"bfloat16_selection_changed_{name}", int((before != after).sum()), "rows", COMMAND)
