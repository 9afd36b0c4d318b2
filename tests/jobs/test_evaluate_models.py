"""A quick evaluation of the small world: its tables, the same again, in any order, after a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.common.tables import EVALUATION_TABLES
from jobs.evaluation import table_schemas
from jobs.report.evaluation_words import model_in_words
from tests.engines import found_by_every_engine
from tests.jobs.evaluated import Evaluated, copied
from tests.jobs.processes import below, kill_group, wait_until
from tests.jobs.submitted import submit
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
