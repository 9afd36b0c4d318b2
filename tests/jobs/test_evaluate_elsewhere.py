"""evaluate_models with settings of its own, with a model that fails, and with arguments that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from jobs import evaluate_models
from jobs.common.model_inputs import feature_spec
from jobs.common.settings import load_settings
from jobs.common.warehouse import Warehouse
from tests.jobs.evaluated import Evaluated
from tests.samples_table import write_samples
from tests.small_world import AS_OF, SmallWorld

pytestmark = pytest.mark.slow


@pytest.fixture
def own_columns(spark: SparkSession, small_world: SmallWorld, tmp_path: Path) -> Callable[..., Evaluated]:
    """A platform of its own: other columns, tasks, knowledge and horizon; its samples are made up."""

    def made(**training: float) -> Evaluated:
        raw = yaml.safe_load(small_world.settings_file.read_text())
        raw["columns"] = {
            "behaviours": {"visits": "long"},
            "performance": {"orders": "long", "revenue": "double"},
            "profile": {"region": "string"},
            "scenario": {"channel": "string"},
        }
        raw["tasks"] = [{"name": "revenue", "column": "revenue"}, {"name": "busy", "count_active_days": True}]
        raw |= {"active_day_column": "orders", "eligible_columns": ["orders"], "value_column": "revenue"}
        raw |= {"history_days": 21, "horizon_days": 3}
        raw["training"] |= training
        file = tmp_path / "own.yaml"
        file.write_text(yaml.safe_dump(raw, sort_keys=False))
        root = tmp_path / "warehouse"
        write_samples(root / "features" / "samples", feature_spec(load_settings(file)), 40, 60)
        return Evaluated(Warehouse(spark, str(root)), file)

    return made


OWN_DAYS = ("2026-01-01", "2026-02-09")


def test_a_settings_file_with_its_own_columns_is_enough(own_columns: Callable[..., Evaluated]) -> None:
    world = own_columns()
    assert (
        world.run("--models", "m2m,window_mean,m2m_persistence", "--studies", "new_scenario", days=OWN_DAYS)
        == 0
    )
    assert {row["task"] for row in world.warehouse.read("evaluation.metrics").collect()} == {
        "revenue", "busy", "all",
    }  # fmt: skip
    studies = world.warehouse.read("evaluation.studies").toPandas()
    assert set(studies["value"]) == {0.0, 1.0} and set(studies["setting"]) == {"rows_share"}
    scenarios = set(studies["scenario_id"])
    assert len(scenarios) == 3 and len(studies) == studies["model"].nunique() * len(scenarios) * 2 * 2
    seen = studies[studies["model"] == "m2m"].groupby("value")["train_rows"].max()
    assert seen[0.0] < seen[1.0]


def test_a_model_that_fails_is_named_and_the_others_are_fitted(
    own_columns: Callable[..., Evaluated], capfd: pytest.CaptureFixture[str]
) -> None:
    world = own_columns(learning_rate=1e9)
    assert world.run("--models", "m2m,window_mean", "--studies", "none", days=OWN_DAYS) == 1
    last = capfd.readouterr().err.splitlines()[-1]
    assert "1 of 2 units failed: m2m, seed 1: " in last
    assert len(world.results()) == 1
    # What was fitted is written all the same.
    assert {row["model"] for row in world.warehouse.read("evaluation.runs").collect()} == {"window_mean"}
    assert {row["model"] for row in world.warehouse.read("evaluation.predictions").collect()} == {
        "window_mean"
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--models", "m2m,m3m"], "models ['m3m'] are unknown; allowed are all, zero"),
        (["--seeds", "1,x"], "seeds ['x'] are not allowed"),
        (["--studies", "speed"], "expected all, none, sensitivity, new_scenario"),
        (
            ["--valid-start-ds", "2026-02-25", "--valid-end-ds", "2026-02-28"],
            "first day allowed is 2026-03-06",
        ),
        (["--valid-start-ds", "2026-03-06", "--valid-end-ds", "2026-03-08"], "there is no test part"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_evaluated_is_refused(
    small_world: SmallWorld, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    train = ["--train-start-ds", "2026-02-09", "--train-end-ds", "2026-02-20"]
    assert small_world.run(evaluate_models.main, AS_OF, *train, *arguments) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


def test_days_that_follow_from_no_part_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_models.main(["--train-start-ds", "2026-02-09"]) == 2
    assert "--start-ds and --end-ds are required" in capsys.readouterr().err.splitlines()[-1]
