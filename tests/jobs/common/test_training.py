"""The library's training settings from the job's."""

from __future__ import annotations

from jobs.common.settings import Settings
from jobs.common.training import training_config, training_config_for


def test_fields_of_the_same_name_mean_the_same(settings: Settings) -> None:
    config = training_config(settings)
    assert config == training_config_for(settings, 2_000)
    assert (config.epochs, config.batch_size) == (settings.training.epochs, settings.training.batch_size)
    assert config.patience == settings.training.patience_epochs


def test_with_row_passes_epochs_follow_from_the_rows(settings: Settings) -> None:
    training = settings.training.model_copy(update={"row_passes": 60_000})
    config = training_config_for(settings.model_copy(update={"training": training}), 2_000)
    assert (config.epochs, config.batch_size) == (30, 40)
