"""A quick evaluation of the small world: its tables, the same again, in any order, after a kill, on other columns."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pyspark.sql import SparkSession

from jobs import evaluate_models
from jobs.common.model_inputs import feature_spec
from jobs.common.settings import load_settings
from jobs.common.tables import EVALUATION_TABLES
from jobs.common.warehouse import Warehouse
from jobs.evaluation import table_schemas
from jobs.report.evaluation_words import model_in_words
from tests.engines import found_by_every_engine
from tests.jobs.processes import below, kill_group, wait_until
from tests.jobs.submitted import submit
from tests.samples_table import write_samples
from tests.small_world import AS_OF, SmallWorld

pytestmark = pytest.mark.slow
MODELS = ("zero", "window_mean", "m2m", "m2m_plain", "m2m_persistence")
SEEDS = {"zero": 0, "window_mean": 0}
TABLES = {
    "predictions": table_schemas.PREDICTIONS,
    "metrics": table_schemas.METRICS,
    "runs": table_schemas.RUNS,
    "comparisons": table_schemas.COMPARISONS,
    "calibration": table_schemas.CALIBRATION,
}
SCENARIOS = 5
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Evaluated:
    """A warehouse with facts and samples of the small world, and how to evaluate there."""

    warehouse: Warehouse
    settings_file: Path

    def run(self, *more: str, days: tuple[str, str] = AS_OF) -> int:
        return evaluate_models.main([*self.arguments(*more), "--start-ds", days[0], "--end-ds", days[1]])

    def arguments(self, *more: str) -> list[str]:
        root = Path(self.warehouse.root)
        where = ["--warehouse", str(root), "--settings", str(self.settings_file)]
        return [*where, "--report", str(root / "report"), "--quick", *more]

    def rows(self, table: str) -> Rows:
        return sorted(map(tuple, self.warehouse.read(f"evaluation.{table}").collect()), key=repr)

    def results(self) -> dict[str, int]:
        folder = Path(self.warehouse.root) / "checkpoints" / "evaluation"
        return {file.name: file.stat().st_mtime_ns for file in folder.glob("*.npz")}


def copied(small_world: SmallWorld, folder: Path) -> Evaluated:
    for schema in ("facts", "features", "ops"):
        shutil.copytree(Path(small_world.warehouse.root) / schema, folder / "warehouse" / schema)
    spark = small_world.warehouse.spark
    return Evaluated(Warehouse(spark, str(folder / "warehouse")), small_world.settings_file)


@pytest.fixture(scope="module")
def evaluated(small_world: SmallWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluated]:
    world = copied(small_world, tmp_path_factory.mktemp("evaluated"))
    assert world.run("--models", ",".join(MODELS), "--studies", "none") == 0
    yield world


def test_tables_have_the_promised_columns_and_rows(evaluated: Evaluated) -> None:
    for table, schema in TABLES.items():
        found = evaluated.warehouse.read(f"evaluation.{table}")
        assert [(f.name, f.dataType) for f in found.schema] == [(f.name, f.dataType) for f in schema], table
    tasks, runs = 5, evaluated.warehouse.read("evaluation.runs").toPandas().set_index("model")
    assert set(runs.index) == set(MODELS)
    test_rows = evaluated.warehouse.read_days("features.samples", *days_of_test(evaluated)).count()
    assert (runs["test_rows"] == test_rows).all()
    assert len(evaluated.rows("predictions")) == len(MODELS) * test_rows * tasks
    assert len(evaluated.rows("metrics")) == len(MODELS) * 2 * (tasks + 1) * (SCENARIOS + 1)
    assert len(evaluated.rows("comparisons")) == 2 * (len(MODELS) - 1)
    assert runs["kind"].to_dict()["m2m_persistence"] == "mix"
    assert {name: runs["seed"][name] for name in SEEDS} == SEEDS and runs["seed"]["m2m"] == 1
    assert runs["interval_coverage"].notna().to_dict() == {m: m in ("m2m", "m2m_plain") for m in MODELS}
    assert {row[0] for row in evaluated.rows("calibration")} == {"m2m", "m2m_plain"}


def test_the_page_is_written(evaluated: Evaluated) -> None:
    page = (Path(evaluated.warehouse.root) / "report" / "evaluation.html").read_text()
    assert all(model_in_words(model) in page for model in MODELS)


def days_of_test(evaluated: Evaluated) -> tuple[Any, Any]:
    found = (
        evaluated.warehouse.read("evaluation.runs")
        .select("test_start_ds", "test_end_ds")
        .distinct()
        .collect()
    )
    assert len(found) == 1
    return tuple(found[0])  # type: ignore[return-value]


def test_metrics_are_those_of_the_predictions(evaluated: Evaluated) -> None:
    cells: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for row in evaluated.warehouse.read("evaluation.predictions").toLocalIterator():
        for estimate in ("mean", "median"):
            key = (row["model"], estimate, row["task"], row["scenario_id"])
            cells.setdefault(key, []).append((row["label"], row[estimate]))
    figures = {key: errors(pairs) for key, pairs in cells.items() if sum(label for label, _ in pairs) > 0}
    checked = 0
    for model, _, estimate, task, scenario, nmae, smape, rows in evaluated.rows("metrics"):
        used = [
            found
            for key, found in figures.items()
            if key[:2] == (model, estimate) and task in ("all", key[2]) and scenario in ("all", key[3])
        ]
        if used:
            assert nmae == pytest.approx(np.mean([found[0] for found in used]), rel=1e-9)
            assert smape == pytest.approx(np.mean([found[1] for found in used]), rel=1e-9)
            checked += 1
        if "all" not in (task, scenario):
            assert rows == len(cells[model, estimate, task, scenario])
    assert checked >= 2 * len(MODELS) * 30


def errors(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """NMAE and SMAPE, a row at a time."""
    wrong = total = symmetric = 0.0
    for label, predicted in pairs:
        wrong += abs(predicted - label)
        total += label
        symmetric += abs(predicted - label) / ((predicted + label) / 2) if predicted + label > 0 else 0.0
    return wrong / total, symmetric / len(pairs)


def test_predictions_carry_the_labels_of_their_rows(evaluated: Evaluated) -> None:
    evaluated.warehouse.read("evaluation.predictions").createOrReplaceTempView("predicted")
    evaluated.warehouse.read("features.samples").createOrReplaceTempView("labelled")
    wrong = evaluated.warehouse.spark.sql(
        "select count(*) from predicted p left join labelled s using (advertiser_id, scenario_id, ds) "
        "where task = 'clicks' and label is distinct from label_clicks"
    ).first()
    assert wrong is not None and wrong[0] == 0


def test_again_in_another_order_nothing_is_fitted_and_no_row_changes(
    evaluated: Evaluated, capfd: pytest.CaptureFixture[str]
) -> None:
    before, results = {table: evaluated.rows(table) for table in TABLES}, evaluated.results()
    capfd.readouterr()
    assert evaluated.run("--models", ",".join(reversed(MODELS)), "--studies", "none") == 0
    assert "evaluate_models: 0 of " in capfd.readouterr().err
    assert evaluated.results() == results
    for table, rows in before.items():
        assert evaluated.rows(table) == rows, table


def test_models_that_are_not_named_keep_their_rows(evaluated: Evaluated) -> None:
    before = {table: evaluated.rows(table) for table in ("predictions", "metrics", "runs", "calibration")}
    assert evaluated.run("--models", "zero", "--studies", "none") == 0
    for table, rows in before.items():
        assert evaluated.rows(table) == rows, table
    # There is no M2M in this evaluation to hold it against.
    assert "zero" not in {row[0] for row in evaluated.rows("comparisons")}
    assert evaluated.run("--models", ",".join(MODELS), "--studies", "none") == 0


def test_a_mix_is_no_worse_than_m2m_on_the_rows_it_was_fitted_on(evaluated: Evaluated) -> None:
    nmae = {row["model"]: row["valid_nmae"] for row in evaluated.warehouse.read("evaluation.runs").collect()}
    assert nmae["m2m_persistence"] <= nmae["m2m"]


def test_studies_have_a_row_for_every_value_and_estimate(evaluated: Evaluated) -> None:
    assert evaluated.run("--models", "zero", "--studies", "sensitivity") == 0
    rows = evaluated.rows("studies")
    assert [
        f.name for f in evaluated.warehouse.read("evaluation.studies").schema
    ] == table_schemas.STUDIES.names
    tried = {(row[1], row[2]) for row in rows}
    assert tried == {
        (setting, value)
        for setting, values in {
            "history_days": (10, 70),
            "d_scenario": (8, 128),
            "meta_layers": (1, 5),
        }.items()
        for value in values
    }
    assert len(rows) == 12 and {row[5] for row in rows} == {"all"} and {row[3] for row in rows} == {"m2m"}
    long = evaluated.warehouse.read("evaluation.long_samples")
    first = long.selectExpr("size(clicks)", "size(advertiser_window_sums)").distinct().collect()
    assert [tuple(row) for row in first] == [(70, 54)]


def test_every_engine_finds_the_same_rows_and_no_table_is_unknown_to_upkeep(evaluated: Evaluated) -> None:
    # After the studies, which write the last two of them.
    for name in EVALUATION_TABLES:
        assert next(iter(found_by_every_engine(evaluated.warehouse, name).values()))[0] > 0
    logs = (Path(evaluated.warehouse.root) / "evaluation").glob("*/_delta_log")
    assert {f"evaluation.{log.parent.name}" for log in logs} == set(EVALUATION_TABLES)


def test_a_killed_evaluation_goes_on_to_the_same_tables(
    evaluated: Evaluated, small_world: SmallWorld, tmp_path: Path
) -> None:
    world, log = copied(small_world, tmp_path), tmp_path / "log"
    models = ["--models", "window_mean,m2m,m2m_plain", "--studies", "none"]
    days = ["--start-ds", AS_OF[0], "--end-ds", AS_OF[1]]
    run = submit("evaluate_models", [*world.arguments(*models), *days], tmp_path, log)
    folder = Path(world.warehouse.root) / "checkpoints" / "evaluation"
    wait_until(lambda: list(folder.glob("*.npz")) or run.poll() is not None, log.read_text)
    assert run.poll() is None, log.read_text()
    workers = below(run.pid, "multiprocessing.spawn")
    assert workers
    kill_group(run)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), log.read_text, 30)
    finished = world.results()
    assert world.run(*models) == 0
    assert finished.items() <= world.results().items()
    wanted = [row for row in evaluated.rows("metrics") if row[0] in models[1].split(",")]
    assert world.rows("metrics") == wanted


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


def test_days_follow_from_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate_models.main(["--train-start-ds", "2026-02-09"]) == 2
    assert "--start-ds and --end-ds are required" in capsys.readouterr().err.splitlines()[-1]
