"""Rows of evaluation.metrics from cells."""

from __future__ import annotations

import math

import pytest

from jobs.evaluation.metric_rows import ALL, metric_rows
from m2m import Cell

CELLS = [
    Cell("clicks", "feed", 10, 5.0, 0.5, 0.4),
    Cell("clicks", "shop", 4, 0.0, math.nan, 0.0),
    Cell("spend", "feed", 10, 8.0, 0.7, 0.6),
    Cell("spend", "shop", 4, 2.0, 0.9, 0.2),
]


def test_means_are_over_the_cells_that_have_labels() -> None:
    rows = {(row.task, row.scenario_id): row[2:] for row in metric_rows(CELLS)}
    assert len(rows) == 4 + 2 + 2 + 1
    assert rows["clicks", "shop"] == (None, 0.0, 4)
    assert rows["clicks", ALL] == (0.5, 0.4, 14)
    assert rows["spend", ALL] == pytest.approx((0.8, 0.4, 14))
    assert rows[ALL, "feed"] == pytest.approx((0.6, 0.5, 10))
    assert rows[ALL, "shop"] == pytest.approx((0.9, 0.2, 4))
    assert rows[ALL, ALL] == pytest.approx(((0.5 + 0.7 + 0.9) / 3, (0.4 + 0.6 + 0.2) / 3, 14))


def test_without_any_label_there_is_no_mean() -> None:
    rows = metric_rows([Cell("clicks", "shop", 4, 0.0, math.nan, 0.0)])
    assert rows[-1] == (ALL, ALL, None, None, 4)
