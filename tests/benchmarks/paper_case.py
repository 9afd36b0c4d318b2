"""The `paper` model with the demo platform's columns, and random rows for it.

Letters: B rows, C knowledge columns, D dense features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from m2m import M2M, FeatureSpec, ModelConfig
from m2m.groups import Groups

SPEC = FeatureSpec(
    behaviours=("login_count", "campaign_edit_count", "bid_edit_count", "budget_edit_count"),
    performance=("impressions", "clicks", "expenditure", "gmv", "roi"),
    knowledge=("scenario_id", "scenario_type", "business_scale", "main_category", "star_level"),
    tasks=("impressions", "clicks", "expenditure", "gmv", "active_days"),
    history_days=40,
    horizon_days=7,
)
_KNOWLEDGE_SIZES = (7, 4, 5, 13, 6)
_DENSE = 2 * 6 * 9 + 8


@dataclass(frozen=True)
class Case:
    """bins [B, T, F]; dense [B, D]; labels [B, m], scaled; knowledge [B, C], ids of every row; groups of the rows."""

    bins: Tensor
    dense: Tensor
    labels: Tensor
    knowledge: Tensor
    groups: Groups

    def part(self, start: int, stop: int) -> tuple[Tensor, Tensor, Tensor]:
        """bins, dense and knowledge ids of some rows."""
        return self.bins[start:stop], self.dense[start:stop], self.knowledge[start:stop]


def make_model(name: str = "paper") -> M2M:
    """A model of that setting with random weights."""
    torch.manual_seed(0)
    config = ModelConfig.named(name)
    bins = [config.value_bins + 3] * len(SPEC.sequence_columns)
    return M2M(SPEC, config, bins, _KNOWLEDGE_SIZES, _DENSE)


def make_case(model: M2M, groups: int, rows_each: int, chunk_rows: int | None = None) -> Case:
    """`groups` knowledge rows of `rows_each` rows, shuffled by row or, as in training, by chunks."""
    generator = np.random.default_rng(0)
    rows, chunk_rows = groups * rows_each, chunk_rows or 1
    shape = (rows, SPEC.history_days, len(SPEC.sequence_columns))
    bins = generator.integers(model.config.value_bins + 3, size=shape).astype(np.uint8)
    space = np.prod(_KNOWLEDGE_SIZES)
    distinct = np.stack(np.unravel_index(generator.choice(space, groups, replace=False), _KNOWLEDGE_SIZES), 1)
    order = generator.permutation(rows // chunk_rows)
    code = np.repeat(np.repeat(np.arange(groups), rows_each // chunk_rows)[order], chunk_rows)
    pieces = np.repeat(np.arange(rows // chunk_rows), chunk_rows) if chunk_rows > 1 else None
    dense = generator.normal(size=(rows, _DENSE)).astype(np.float32)
    labels = generator.exponential(size=(rows, len(SPEC.tasks))).astype(np.float32)
    ids = distinct[code].astype(np.int64)
    return Case(
        torch.from_numpy(bins), torch.from_numpy(dense), torch.from_numpy(labels), torch.from_numpy(ids),
        Groups.build(code, ids, pieces),
    )  # fmt: skip
