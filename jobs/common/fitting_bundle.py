"""A model version that was trained as the settings ask: found once, verified, and then the same for the whole run."""

from __future__ import annotations

from jobs.common.job import DataCheckError
from jobs.common.model_inputs import feature_spec
from jobs.common.model_registry import ModelRegistry, RegisteredBundle
from jobs.common.settings import Settings
from jobs.common.warehouse import Warehouse
from m2m import Bundle


def find_bundle(
    warehouse: Warehouse, settings: Settings, alias_or_version: str, columns: list[str]
) -> tuple[RegisteredBundle, Bundle]:
    """The version behind an alias or a number, and its bundle.

    `columns`: of the table it is to score. Raises ValueError when there is no such version, BundleError when its files
    were changed or it reads a column that is not there, DataCheckError when it was trained with other settings.
    """
    found = ModelRegistry(settings.platform, warehouse.root).find(alias_or_version)
    if found is None:
        raise ValueError(
            f"model {settings.platform} has no {alias_or_version}; run train_model first, or name a version"
        )
    bundle = Bundle.load(found.folder, expected_sha256=found.sha256)
    bundle.require_columns(columns)
    expected = feature_spec(settings)
    if bundle.spec != expected:
        raise DataCheckError(
            f"model version {found.version} was trained on {bundle.spec}, the settings ask for {expected}"
        )
    return found, bundle
