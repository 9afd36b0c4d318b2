from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from m2m import FeatureSpec, ModelConfig
from m2m.heads import AMOUNT_WEIGHT, HEADS, HurdleQuantileHead, PoissonHead, make_head
from m2m.losses import poisson_loss
from m2m.quantile_function import LEVELS, knots
from m2m.recalibration import Recalibration
from tests.m2m.world import SPEC

HURDLE = HurdleQuantileHead()
ONES = np.ones(3)
STEP = math.log1p(math.exp(-1))


def hurdle_numbers(probability: float, middle: float, log_rate: float = 0.0) -> np.ndarray:
    """One row, three tasks alike: P(y > 0), the conditional median of log(1 + y), knots STEP apart."""
    raw = np.zeros((1, 3, HURDLE.outputs), dtype=np.float32)
    raw[..., 0], raw[..., 1], raw[..., 2 + len(LEVELS) // 2] = (
        log_rate,
        np.log(probability / (1 - probability)),
        middle,
    )
    return raw


def test_poisson_gives_the_mean_clips_bounded_tasks_and_stops_on_bad_numbers() -> None:
    raw = np.log(np.array([[2.0, 3.0, 9.0]], dtype=np.float32))[..., None]
    found = PoissonHead().forecast(raw, np.array([10.0, 1.0, 1.0]), SPEC)
    assert found.mean[0] == pytest.approx([20.0, 3.0, 7.0])
    assert found.median is None and found.point is found.mean
    assert list(found.parts()) == ["mean"]
    for bad in (np.nan, np.inf, 1e6):
        wrong = np.array([[0.0, bad, 0.0]], dtype=np.float32)[..., None]
        with pytest.raises(ValueError, match="1 predictions of expenditure are not finite"):
            PoissonHead().forecast(wrong, np.ones(3), SPEC)


def test_unknown_heads_are_refused() -> None:
    assert HEADS
    with pytest.raises(ValueError, match="'cauchy' is unknown"):
        make_head("cauchy")


def test_the_paper_keeps_its_head_and_the_others_give_a_distribution() -> None:
    heads = {name: ModelConfig.named(name).head for name in ("tiny", "base", "paper")}
    assert heads == {"tiny": "hurdle_quantile", "base": "hurdle_quantile", "paper": "poisson"}


def test_hurdle_forecast_by_hand() -> None:
    found = HURDLE.forecast(hurdle_numbers(0.8, 3.0, math.log(2)), np.array([10.0, 1.0, 0.5]), SPEC)
    # P(0) = 0.2: p10 is 0; the median is the positive part's at 0.3 / 0.8, p90 at 0.7 / 0.8.
    assert found.mean[0] == pytest.approx([20.0, 2.0, 1.0])
    assert found.probability_positive is not None and found.p10 is not None
    assert found.median is not None and found.p90 is not None
    assert found.probability_positive[0] == pytest.approx([0.8] * 3)
    assert found.p10[0].tolist() == [0.0, 0.0, 0.0]
    half_way = math.expm1(3 - STEP / 2)
    assert found.median[0] == pytest.approx([10 * half_way, half_way, min(7.0, half_way / 2)], rel=1e-5)
    upper = math.expm1(3 + STEP + STEP * (0.875 - 0.75) / 0.15)
    assert found.p90[0] == pytest.approx([10 * upper, upper, 7.0], rel=1e-5)
    assert found.point is found.median


def test_below_the_hurdle_everything_is_exactly_zero() -> None:
    found = HURDLE.forecast(hurdle_numbers(0.45, 3.0), ONES, SPEC).parts()
    assert (found["p10"] == 0).all() and (found["median"] == 0).all() and (found["p90"] > 0).all()
    assert (HURDLE.forecast(hurdle_numbers(0.09, 3.0), ONES, SPEC).parts()["p90"] == 0).all()


def test_medians_of_whole_tasks_are_rounded_and_the_interval_gives_way() -> None:
    raw = hurdle_numbers(0.999, math.log(3.6))
    raw[..., 2 : 2 + len(LEVELS) // 2] = raw[..., 3 + len(LEVELS) // 2 :] = -20
    found = HURDLE.forecast(raw, ONES, SPEC, Recalibration(("impressions",))).parts()
    assert found["median"][0, 0] == found["p90"][0, 0] == 3.0
    assert found["median"][0, 1] == pytest.approx(2.6, rel=1e-4)
    assert found["p10"][0, 0] == pytest.approx(2.6, rel=1e-4)


def test_the_interval_shift_moves_both_ends_and_nothing_else() -> None:
    plain = HURDLE.forecast(hurdle_numbers(0.999, 3.0), ONES, SPEC).parts()
    shifted = HURDLE.forecast(hurdle_numbers(0.999, 3.0), ONES, SPEC, Recalibration((), 0.02)).parts()
    assert (shifted["p10"][0, :2] > plain["p10"][0, :2]).all()
    assert (shifted["p90"][0, :2] < plain["p90"][0, :2]).all()
    for name in ("mean", "median", "probability_positive"):
        np.testing.assert_array_equal(shifted[name], plain[name])


@given(
    arrays(np.float32, (2, 3, HURDLE.outputs), elements=st.floats(-8, 8, width=32)), st.floats(-0.02, 0.02)
)
def test_quantiles_are_ordered_and_not_negative(raw: np.ndarray, shift: float) -> None:
    found = HURDLE.forecast(
        raw, np.array([100.0, 5.0, 3.0]), SPEC, Recalibration(("impressions",), shift)
    ).parts()
    assert (found["p10"] >= 0).all() and (found["p90"][:, 2] <= 7).all()
    assert (found["p10"] <= found["median"]).all() and (found["median"] <= found["p90"]).all()
    assert ((found["probability_positive"] >= 0) & (found["probability_positive"] <= 1)).all()


@pytest.mark.parametrize("place", [0, 1, 5])
def test_hurdle_names_the_task_that_is_not_finite(place: int) -> None:
    raw = hurdle_numbers(0.8, 3.0)
    raw[0, 1, place] = np.nan
    with pytest.raises(ValueError, match="1 predictions of expenditure are not finite"):
        HURDLE.forecast(raw, ONES, SPEC)


def test_hurdle_loss_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    raw = torch.from_numpy(generator.normal(size=(40, 1, HURDLE.outputs)))
    scaled = torch.from_numpy(generator.exponential(size=(40, 1)) * generator.integers(2, size=(40, 1)))
    amounts, positive = scaled[:, 0].numpy(), scaled[:, 0].numpy() > 0
    log_loss = metrics.log_loss(positive, torch.sigmoid(raw[:, 0, 1]).numpy())
    heights = knots(raw[:, 0, 2:])[positive].numpy()
    logs = np.log1p(amounts[positive])
    pinball = [metrics.mean_pinball_loss(logs, heights[:, k], alpha=level) for k, level in enumerate(LEVELS)]
    expected = float(poisson_loss(raw[..., 0], scaled).mean()) + log_loss
    expected += AMOUNT_WEIGHT * 2 * np.mean(pinball) * positive.mean()
    assert float(HURDLE.loss(raw, scaled).mean()) == pytest.approx(expected)


def test_hurdle_learns_a_known_distribution() -> None:
    generator = torch.Generator().manual_seed(0)
    amounts = torch.exp(torch.randn(20_000, generator=generator) * 0.5)
    labels = torch.where(torch.rand(20_000, generator=generator) < 0.7, amounts, torch.zeros(()))[:, None]
    raw = torch.zeros(1, 1, HURDLE.outputs, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(250):
        optimiser.zero_grad()
        HURDLE.loss(raw.expand(len(labels), -1, -1), labels).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    spec = FeatureSpec(("login",), ("gmv",), ("scenario_id",), ("gmv",), history_days=1, horizon_days=1)
    found = HURDLE.forecast(raw.detach().numpy(), np.ones(1), spec).parts()
    values = labels[:, 0].numpy()
    assert found["probability_positive"][0, 0] == pytest.approx((values > 0).mean(), abs=0.005)
    assert found["mean"][0, 0] == pytest.approx(values.mean(), rel=0.01)
    assert found["p10"][0, 0] == 0
    assert found["median"][0, 0] == pytest.approx(np.quantile(values, 0.5), rel=0.05)
    assert found["p90"][0, 0] == pytest.approx(np.quantile(values, 0.9), rel=0.05)


def test_point_is_zero_where_that_is_likely_and_the_stretched_median_elsewhere() -> None:
    unlikely, likely = hurdle_numbers(0.4, 1.0), hurdle_numbers(0.999, 3.0)
    kept = Recalibration(("impressions",), 0.0, 1.2)
    assert (HURDLE.point(unlikely, ONES, SPEC, kept) == 0).all()
    median = HURDLE.forecast(likely, ONES, SPEC).median
    found = HURDLE.point(likely, ONES, SPEC, kept)
    assert median is not None
    assert found[0, 0] == np.rint(1.2 * median[0, 0])
    assert found[0, 1] == pytest.approx(1.2 * median[0, 1])


def test_point_leaves_a_small_median_at_zero_that_absolute_error_alone_would_keep() -> None:
    # P(0) = 0.42: the median is small and above 0; most relative error comes from the zeros.
    raw = hurdle_numbers(0.58, -2.0)
    median = HURDLE.forecast(raw, ONES, SPEC).median
    found = HURDLE.point(raw, ONES, SPEC, Recalibration())
    assert median is not None and (found <= median).all()
    assert 0 in found


def test_the_point_of_a_mean_is_the_mean() -> None:
    raw = np.zeros((2, 3, 1), dtype=np.float32)
    np.testing.assert_array_equal(PoissonHead().point(raw, ONES, SPEC, Recalibration()), np.ones((2, 3)))
