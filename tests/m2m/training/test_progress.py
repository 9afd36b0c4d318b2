from __future__ import annotations

import math

import pytest

from m2m.training.state import Progress


def after(*errors: float) -> Progress:
    """Epochs that are over, by their validation NMAE."""
    return Progress(history=[{"valid_nmae": error} for error in errors])


@pytest.mark.parametrize(
    ("before", "nmae", "tolerance", "kept"),
    [
        ((), 0.9, 0.0, True),
        ((0.5,), 0.49, 0.0, True),
        ((0.5,), 0.5, 0.0, False),
        ((0.5,), 0.504, 0.01, True),
        ((0.5,), 0.506, 0.01, False),
        # The lowest counts, not the one kept last: errors must not creep up.
        ((0.5, 0.504), 0.507, 0.01, False),
        ((math.nan,), math.nan, 0.0, True),
        ((math.nan,), 0.7, 0.0, True),
    ],
)
def test_a_later_epoch_is_kept_when_it_is_as_good(
    before: tuple[float, ...], nmae: float, tolerance: float, kept: bool
) -> None:
    assert after(*before).is_as_good(nmae, tolerance) is kept
