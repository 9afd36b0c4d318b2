"""Model versions in MLflow: runs, bundles as artifacts, and the aliases `champion` and `challenger`.

The tracking store is $MLFLOW_TRACKING_URI, or a SQLite file inside a local warehouse.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class RegisteredBundle:
    """A model version: its number, the SHA-256 of its bundle and a local folder that holds the bundle."""

    version: str
    sha256: str
    folder: str


class ModelRegistry:
    """Versions of one registered model."""

    def __init__(self, name: str, warehouse_root: str) -> None:
        """name: the registered model's. Raises ValueError when no store can be derived from a remote warehouse."""
        self.name, self._root = name, warehouse_root
        uri = os.environ.get("MLFLOW_TRACKING_URI") or _local_store(warehouse_root)
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def start_run(self, run_name: str, parameters: Mapping[str, object]) -> str:
        """A new run in the model's experiment; its id."""
        run = self.client.create_run(self._experiment(), run_name=run_name)
        for key, value in parameters.items():
            self.client.log_param(run.info.run_id, key, value)
        return str(run.info.run_id)

    def log_metrics(self, run_id: str, metrics: Mapping[str, float], step: int = 0) -> None:
        """Add one point to each metric's curve."""
        for key, value in metrics.items():
            self.client.log_metric(run_id, key, value, step=step)

    def register(self, run_id: str, folder: Path, sha256: str) -> str:
        """Store the bundle with the run; its version. A bundle that is registered already keeps its version."""
        self.client.log_artifacts(run_id, str(folder), "bundle")
        self.client.set_terminated(run_id)
        try:
            self.client.get_registered_model(self.name)
        except MlflowException:
            self.client.create_registered_model(self.name)
        same = [v for v in self._versions() if v.tags.get("sha256") == sha256]
        if same:
            return str(same[0].version)
        source = f"{self.client.get_run(run_id).info.artifact_uri}/bundle"
        version = self.client.create_model_version(self.name, source, run_id, tags={"sha256": sha256})
        return str(version.version)

    def set_alias(self, alias: str, version: str) -> None:
        """Point `champion` or `challenger` to a version."""
        self.client.set_registered_model_alias(self.name, alias, version)

    def find(self, alias_or_version: str) -> RegisteredBundle | None:
        """The version behind an alias or a version number, None when there is none."""
        try:
            if alias_or_version.isdigit():
                version = self.client.get_model_version(self.name, alias_or_version)
            else:
                version = self.client.get_model_version_by_alias(self.name, alias_or_version)
        except MlflowException:
            return None
        folder = download_artifacts(artifact_uri=version.source)
        return RegisteredBundle(str(version.version), version.tags["sha256"], folder)

    def _versions(self) -> list[ModelVersion]:
        return list(self.client.search_model_versions(f"name='{self.name}'"))

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.name)
        if found is not None:
            return found.experiment_id
        location = (
            None if os.environ.get("MLFLOW_TRACKING_URI") else str(_local_root(self._root) / "mlartifacts")
        )
        return self.client.create_experiment(self.name, artifact_location=location)


def _local_store(warehouse_root: str) -> str:
    root = _local_root(warehouse_root)
    root.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{root / 'mlflow.db'}"


def _local_root(warehouse_root: str) -> Path:
    path = warehouse_root.removeprefix("file://")
    if "://" in path:
        raise ValueError(
            f"warehouse {warehouse_root} is not a local folder: set MLFLOW_TRACKING_URI to a tracking server"
        )
    return Path(path).resolve()
