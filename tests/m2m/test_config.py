from __future__ import annotations

import pytest

from m2m import ModelConfig, TrainingConfig


def test_paper_has_the_papers_sizes() -> None:
    paper = ModelConfig.named("paper")
    assert (paper.d_input, paper.heads, paper.d_view, paper.d_scenario, paper.meta_layers) == (
        16,
        2,
        256,
        64,
        3,
    )


def test_named_takes_changes_and_survives_a_dictionary() -> None:
    config = ModelConfig.named("tiny", without_transformer=True)
    assert config.without_transformer
    assert ModelConfig.from_dict(config.to_dict()) == config


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="'huge' is unknown"):
        ModelConfig.named("huge")
    with pytest.raises(ValueError, match="d_views"):
        ModelConfig.named("tiny", d_views=3)
    with pytest.raises(ValueError, match="entries"):
        ModelConfig.from_dict({"d_view": 3})


@pytest.mark.parametrize("change", [{"heads": 0}, {"value_bins": 251}, {"dropout": 1.0}])
def test_impossible_sizes_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        ModelConfig.named("tiny", **change)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"average_decay": 1.0},
        {"final_learning_rate_share": 0.0},
        {"regulariser": -1.0},
        {"threads": 0},
    ],
)
def test_impossible_training_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        TrainingConfig(**change)  # type: ignore[arg-type]


def test_paper_is_the_paper_throughout() -> None:
    paper = ModelConfig.named("paper")
    assert (paper.head, paper.knowledge_input) == ("poisson", False)
    assert not (paper.without_meta_tower or paper.without_meta_attention or paper.without_transformer)


@pytest.mark.parametrize("name", ["paper", "base", "tiny"])
@pytest.mark.parametrize("ablation", ["without_meta_tower", "without_meta_attention", "without_transformer"])
def test_every_ablation_is_one_setting(name: str, ablation: str) -> None:
    full, without = ModelConfig.named(name).to_dict(), ModelConfig.named(name, **{ablation: True}).to_dict()
    assert {key for key in full if full[key] != without[key]} == {ablation}


def test_epochs_batches_and_patience_follow_from_the_rows() -> None:
    config = TrainingConfig(seed=3)
    large = config.for_rows(130_000, 600_000)
    assert (large.epochs, large.patience, large.batch_size, large.seed) == (5, 2, 256, 3)
    assert config.for_rows(10_000_000, 600_000).epochs == 3
    small = config.for_rows(2_000, 60_000)
    assert (small.epochs, small.patience, small.batch_size) == (30, 6, 40)
    tiny = config.for_rows(10, 600_000)
    assert (tiny.epochs, tiny.patience, tiny.batch_size, tiny.warmup_steps) == (40, 8, 32, 4)
    assert large.warmup_steps == config.warmup_steps
    with pytest.raises(ValueError, match="rows is 10, row_passes is 0"):
        config.for_rows(10, 0)
    assert TrainingConfig(chunk_rows=64).for_rows(10, 600_000).batch_size == 64
