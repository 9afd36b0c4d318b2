"""The demo's model on its test days: its intervals hold what they promise, its probabilities come true."""

from __future__ import annotations

import pytest

from tests.benchmarks import calibration

pytestmark = pytest.mark.slow


def test_intervals_and_probabilities_of_the_demo_come_true() -> None:
    figures = {figure.name: figure.value for figure in calibration.measure()}
    assert 0.77 <= figures["interval_coverage_demo"] <= 0.83
    assert figures["active_ece_demo"] <= 0.03
