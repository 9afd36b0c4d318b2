from __future__ import annotations

import json

import numpy as np
import pytest

from m2m.forecast import Forecast
from m2m.recalibration import MAX_SHIFT, Recalibration
from m2m.recent_days import RecentDays

LABELS = np.linspace(0.0, 1.0, 10_001)[:, None]


def uniform(stretch: float, recalibration: Recalibration) -> Forecast:
    """The interval of a uniform label, `stretch` too wide on either side."""
    tail = np.full_like(LABELS, 0.1 + recalibration.interval_shift - stretch)
    return Forecast(mean=LABELS, median=LABELS, p10=tail, p90=1 - tail)


def test_whole_tasks_are_seen_in_the_labels() -> None:
    labels = np.array([[0.0, 1.5, 3.0], [7.0, 2.0, 4.0]])
    assert Recalibration.of_labels(labels, ("days", "money", "clicks")).whole_tasks == ("days", "clicks")


@pytest.mark.parametrize(
    ("stretch", "shift"),
    [(0.0, 0.0), (0.01, 0.01), (-0.0125, -0.0125), (0.05, MAX_SHIFT), (-0.09, -MAX_SHIFT)],
)
def test_the_shift_undoes_a_wrong_width_up_to_a_limit(stretch: float, shift: float) -> None:
    fitted = Recalibration(("days",)).fitted(lambda tried: uniform(stretch, tried), LABELS)
    assert fitted.whole_tasks == ("days",)
    assert fitted.interval_shift == pytest.approx(shift * 10_001 / 10_501)


def test_few_rows_are_hardly_believed() -> None:
    def forecast(tried: Recalibration) -> Forecast:
        found = uniform(0.05, tried)
        assert found.p10 is not None and found.p90 is not None
        return Forecast(mean=LABELS[::100], p10=found.p10[::100], p90=found.p90[::100])

    fitted = Recalibration().fitted(forecast, LABELS[::100])
    assert 0 < fitted.interval_shift < MAX_SHIFT / 5


def test_nothing_to_fit() -> None:
    given = Recalibration(("days",))
    assert given.fitted(lambda tried: Forecast(mean=LABELS), LABELS) is given
    assert given.fitted(lambda tried: uniform(0.05, tried), LABELS[:0]) is given


def test_survives_a_dictionary_and_refuses_another() -> None:
    given = Recalibration(("days", "clicks"), 0.01)
    assert Recalibration.from_dict(given.to_dict()) == given
    with pytest.raises(ValueError, match=r"interval_shift is 0\.5"):
        Recalibration(interval_shift=0.5)
    with pytest.raises(ValueError, match="interval_shift is nan"):
        Recalibration(interval_shift=float("nan"))
    with pytest.raises(ValueError, match="entries"):
        Recalibration.from_dict({"interval_shift": 0.0})


def test_what_the_last_days_add_survives_json() -> None:
    known = Recalibration(("clicks",), recent=RecentDays((3.0, 0.1), 1.0, (7, 14), 0.3))
    assert Recalibration.from_dict(json.loads(json.dumps(known.to_dict()))) == known
