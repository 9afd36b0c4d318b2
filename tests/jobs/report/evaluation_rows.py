"""A small evaluation in Delta tables: made numbers of 6 models, 2 seeds, 2 tasks and 2 scenarios."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from jobs.report.tables import evaluation_schemas

TASKS, SCENARIOS, SEEDS = ("clicks", "gmv"), ("feed", "shop"), (1, 2)
ROWS = {"feed": 300, "shop": 100}
MODELS = {
    "persistence": ("naive", 0.80),
    "lightgbm": ("trees", 0.72),
    "mmoe": ("baseline", 0.74),
    "m2m": ("m2m", 0.70),
    "m2m_plain": ("ablation", 0.76),
    "m2m_lightgbm": ("mix", 0.68),
}
"""Model: its kind and about its NMAE."""

TYPES = {"DOUBLE": pa.float64(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "DATE": pa.date32()}
Row = dict[str, Any]
Tables = dict[str, list[Row]]


def write(root: Path, tables: Mapping[str, Sequence[Row]]) -> None:
    """Write every table that has rows, its columns typed as the page expects them."""
    for table, rows in tables.items():
        kinds = evaluation_schemas()[table]
        schema = pa.schema([(name, TYPES.get(kind, pa.string())) for name, kind in kinds.items()])
        if rows:
            path = f"{root}/{table.replace('.', '/')}"
            write_deltalake(path, pa.Table.from_pylist(list(rows), schema), mode="overwrite")


def evaluation(
    models: Mapping[str, tuple[str, float]] = MODELS, scenarios: Sequence[str] = SCENARIOS
) -> Tables:
    """Rows of all five tables; the same every time."""
    random = Random(3)
    return {
        "evaluation.metrics": [row for model in models for row in _metrics(random, model, models, scenarios)],
        "evaluation.runs": [_run(model, seed, kind) for model, (kind, _) in models.items() for seed in SEEDS],
        "evaluation.comparisons": [
            {"rival": model, "seed": 0, "estimate": estimate, "scenario_id": "all", "draws": 500}
            | interval(about - models["m2m"][1])
            for model, (_, about) in models.items()
            for estimate in ("median", "mean")
            if model != "m2m"
        ],
        "evaluation.calibration": list(_steps(random)),
        "evaluation.studies": list(_studies(random, scenarios)),
    }


def interval(difference: float, half: float = 0.025) -> Row:
    """A difference with its interval."""
    return {"difference": difference, "low": difference - half, "high": difference + half}


def _metrics(
    random: Random, model: str, models: Mapping[str, tuple[str, float]], scenarios: Sequence[str]
) -> Iterator[Row]:
    for seed in SEEDS:
        for estimate in ("median", "mean"):
            cells = {
                (task, name): models[model][1] + random.uniform(-0.01, 0.01) + 0.1 * (estimate == "mean")
                for task in TASKS
                for name in scenarios
            }
            groups = [(task, name) for task in (*TASKS, "all") for name in (*scenarios, "all")]
            for task, name in groups:
                mine = [v for (t, s), v in cells.items() if task in (t, "all") and name in (s, "all")]
                nmae = sum(mine) / len(mine)
                rows = sum(ROWS.get(s, 7) for s in scenarios if name in (s, "all"))
                key = {"model": model, "seed": seed, "estimate": estimate, "task": task, "scenario_id": name}
                yield {**key, "nmae": nmae, "smape": nmae + 0.2, "rows": rows}


def _run(model: str, seed: int, kind: str) -> Row:
    days = {"train": (date(2026, 1, 1), date(2026, 1, 9)), "valid": (date(2026, 1, 17),) * 2}
    days["test"] = (date(2026, 1, 25), date(2026, 1, 26))
    ends = {
        f"{part}_{end}_ds": two[n] for part, two in days.items() for n, end in enumerate(("start", "end"))
    }
    rows = {"train_rows": 5000, "valid_rows": 400, "test_rows": 400}
    trust = {"interval_coverage": 0.79, "active_ece": 0.0123} if kind in ("m2m", "baseline") else {}
    told = {"details": json.dumps({"window": 14, "weights": {"gmv": [0.75, 0.25]}}), "fits": 3}
    versions = {"settings_version": "s1", "code_version": "c0ffee"}
    cost = {"seconds": 10.0 * seed, "parameters": 12345}
    return {"model": model, "seed": seed, "kind": kind, **ends, **rows, **trust, **told, **versions, **cost}


def _steps(random: Random) -> Iterator[Row]:
    for model in ("m2m", "mmoe"):
        for seed in SEEDS:
            for step in range(10):
                found = {"rows": random.randrange(1, 90), "probability": (step + random.random()) / 10}
                ends = {"low": step / 10, "high": (step + 1) / 10, "share": random.random()}
                yield {"model": model, "seed": seed, **ends, **found}


def _studies(random: Random, scenarios: Sequence[str]) -> Iterator[Row]:
    varied = {"history_days": (10, 70), "d_scenario": (8, 128), "meta_layers": (1, 5)}
    steps: list[tuple[str, str, float, str, str]]
    steps = [("sensitivity", name, v, "m2m", "all") for name, values in varied.items() for v in values]
    steps += [
        ("new_scenario", "rows_share", share, model, name)
        for name in scenarios
        for share in (0, 0.01, 0.05, 0.2, 1)
        for model in ("m2m", "lightgbm")
    ]
    for study, setting, value, model, name in steps:
        for seed in SEEDS:
            key = {"study": study, "setting": setting, "value": float(value), "model": model, "seed": seed}
            nmae = random.uniform(0.6, 0.9)
            yield {**key, "scenario_id": name, "estimate": "median", "nmae": nmae, "smape": nmae}
