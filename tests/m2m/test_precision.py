from __future__ import annotations

import numpy as np
import pytest
import torch

from m2m import Bundle, ModelConfig, Scorer, Trainer
from m2m.precision import bfloat16_is_native, model_for
from tests.m2m.conftest import QUICK
from tests.m2m.world import SPEC, make_samples

needs_bfloat16 = pytest.mark.skipif(
    not bfloat16_is_native("cpu"), reason="this processor has no instructions for bfloat16 (AVX512_BF16, AMX)"
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")


@pytest.fixture(scope="module", params=["blocks", "segments"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    config = ModelConfig.named("base")
    if request.param == "segments":
        config = ModelConfig.named("base", d_view=128, meta_layers=2)
    found = Trainer(SPEC, config, QUICK).fit(make_samples(300), make_samples(50, seed=1))
    assert found.model.in_segments == (request.param == "segments")
    return found


@needs_bfloat16
def test_bfloat16_gives_nearly_the_same_forecast(bundle: Bundle) -> None:
    samples = make_samples(200, seed=3)
    exact = Scorer(bundle).predict(samples).mean
    rough = Scorer(bundle, precision="bfloat16").predict(samples).mean
    relative = np.abs(rough / exact - 1)
    assert 0 < relative.max() < 0.15
    assert relative.mean() < 0.02


@needs_bfloat16
def test_bfloat16_leaves_the_bundle_alone_and_the_head_exact(bundle: Bundle) -> None:
    before = bundle.sha256
    model = model_for(bundle.model, "bfloat16", "cpu")
    assert model.head_weight.dtype == model.head_bias.dtype == torch.float32
    assert {w.dtype for n, w in model.named_parameters() if "head" not in n} == {torch.bfloat16}
    assert {weight.dtype for weight in bundle.model.parameters()} == {torch.float32}
    assert Bundle(**{name: getattr(bundle, name) for name in bundle.__dataclass_fields__}).sha256 == before


@pytest.mark.parametrize("max_weight_bytes", [1, 2**28])
def test_passes_and_kept_weights_do_not_matter(bundle: Bundle, max_weight_bytes: int) -> None:
    samples = make_samples(200, seed=3)
    scorer = Scorer(bundle, max_rows=50, max_weight_bytes=max_weight_bytes)
    assert scorer.store.keeps == (not bundle.model.in_segments or max_weight_bytes > 1)
    np.testing.assert_allclose(scorer.predict(samples).mean, Scorer(bundle).predict(samples).mean, rtol=1e-5)


@needs_cuda
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_gpu_gives_the_same_forecast(bundle: Bundle, precision: str) -> None:
    samples = make_samples(200, seed=3)
    found = Scorer(bundle, precision=precision, device="cuda").predict(samples).mean
    limit = 1e-3 if precision == "float32" else 0.15
    np.testing.assert_allclose(found, Scorer(bundle).predict(samples).mean, rtol=limit)


def test_float32_on_the_processor_is_the_model_itself(bundle: Bundle) -> None:
    assert model_for(bundle.model, "float32", "cpu") is bundle.model


def test_what_is_not_there_is_refused(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="precision is 'float16', expected one of"):
        Scorer(bundle, precision="float16")
    with pytest.raises(ValueError, match="device is 'tpu', expected one of"):
        Scorer(bundle, device="tpu")
    monkeypatch.setattr("m2m.precision.bfloat16_is_native", lambda device: False)
    with pytest.raises(ValueError, match="cpu does not multiply bfloat16 natively"):
        Scorer(bundle, precision="bfloat16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_no_gpu_is_named(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="torch finds no CUDA device"):
        Scorer(bundle, device="cuda")
