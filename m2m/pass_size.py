"""How many rows may go through the network at once within a given memory.

Letters: T days, F sequence columns, D dense features, X width of F (equation 5), k experts, m tasks, d = d_view.
"""

from __future__ import annotations

from m2m.bundle import Bundle
from m2m.model import SEGMENT_ROWS
from m2m.network import ROWS_AT_ONCE

# Beyond 4,096 rows nothing gets faster: what a pass works on then leaves the cache.
FEWEST_ROWS, MOST_ROWS = 64, 4096
FLOAT = 4


def rows_of_a_pass(bundle: Bundle, max_bytes: int) -> int:
    """A power of two from 64 to 4,096: rows whose inputs and intermediate results fit into `max_bytes`.

    Depends on the bundle and on `max_bytes` alone, never on the machine's free memory: the last bit of a matrix product
    depends on how many rows it has, and a rerun is to give the very same numbers.
    """
    fixed, each = _fixed_bytes(bundle), _bytes_of_a_row(bundle)
    rows = FEWEST_ROWS
    while 2 * rows <= MOST_ROWS and fixed + 2 * rows * each <= max_bytes:
        rows *= 2
    return rows


def _fixed_bytes(bundle: Bundle) -> int:
    """What is worked on in slices, however many rows a pass has: embedded days, and the meta units of wide models."""
    model, days = bundle.model, bundle.spec.history_days
    width = (
        bundle.model_config.d_input * len(bundle.spec.sequence_columns) + 2 * bundle.model_config.d_position
    )
    embedded = ROWS_AT_ONCE * days * width * 9 * FLOAT
    return embedded + (SEGMENT_ROWS * _meta_bytes(bundle) if model.in_segments else 0)


def _bytes_of_a_row(bundle: Bundle) -> int:
    spec, config, model = bundle.spec, bundle.model_config, bundle.model
    values = len(spec.sequence_columns) * spec.history_days
    inputs = 3 * values + 3 * bundle.encoder.dense_width  # as they come, sorted, encoded
    features = 2 * (model.width + config.d_scenario)
    experts = config.experts * (config.d_expert_hidden + config.d_view)
    forecast = 16 * model.head_bias.numel()
    meta = 0 if model.in_segments else _meta_bytes(bundle)
    return FLOAT * (inputs + features + experts + forecast) + meta


def _meta_bytes(bundle: Bundle) -> int:
    """Of one row: meta attention meets every expert for every task, at twice the view's width."""
    config, tasks = bundle.model_config, len(bundle.spec.tasks)
    return FLOAT * tasks * config.experts * 2 * config.d_view * 2
