"""features.samples -> a trained M2M bundle, registered in MLflow; the better model becomes champion.

--start-ds .. --end-ds are as-of days, split 8:1:1 with a gap between the parts; or name the parts with
--train-start-ds, --train-end-ds, --valid-start-ds, --valid-end-ds (--test-start-ds, --test-end-ds).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import functions as F

from jobs.common.arguments import ArgumentError, as_date
from jobs.common.job import DataCheckError, JobContext, run_job
from jobs.common.model_inputs import collect_samples, feature_spec
from jobs.common.model_registry import CHALLENGER, CHAMPION, ModelRegistry
from jobs.common.settings import Settings
from jobs.transforms.as_of_split import AsOfSplit, DayRange, check_gaps, split_days
from jobs.transforms.baselines import persistence
from m2m import Bundle, Forecast, ModelConfig, Samples, Scorer, Trainer, TrainingConfig, cell_metrics, overall
from m2m.calibration import coverage, expected_calibration_error

SAMPLES = "features.samples"
PARTS = ("train", "valid", "test")


def train(context: JobContext) -> None:
    """Train, compare with persistence and with the champion, register."""
    settings, split = context.settings, _split(context)
    parts = {name: _read_part(context, getattr(split, name)) for name in PARTS if getattr(split, name)}
    registry = ModelRegistry(settings.platform, context.warehouse.root)
    run_id = registry.start_run(f"train {split.train}", _parameters(settings, split))
    trainer = Trainer(feature_spec(settings), *_configs(settings))
    bundle = trainer.fit(
        parts["train"],
        parts["valid"],
        on_epoch=lambda epoch, metrics: registry.log_metrics(run_id, metrics, epoch),
    )
    judged = "test" if "test" in parts else "valid"
    figures = _compare(bundle, parts[judged], settings, judged)
    registry.log_metrics(run_id, figures)
    with tempfile.TemporaryDirectory() as folder:
        bundle.save(folder)
        version = registry.register(run_id, Path(folder), bundle.sha256)
    _promote(registry, version, figures[f"{judged}_m2m_nmae"], parts[judged], judged)
    context.counts.rows_in = sum(len(part) for part in parts.values())


def _split(context: JobContext) -> AsOfSplit:
    horizon = context.settings.horizon_days
    try:
        given = {name: _range(context.args, name) for name in PARTS}
        if given["train"] and given["valid"]:
            split = AsOfSplit(given["train"], given["valid"], given["test"])
        elif any(given.values()):
            raise ValueError("train and valid days go together: name both, or neither")
        else:
            split = split_days(context.start_ds, context.end_ds, horizon)
        check_gaps(split, horizon)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    return split


def _range(args: argparse.Namespace, part: str) -> DayRange | None:
    start: date | None = getattr(args, f"{part}_start_ds")
    end: date | None = getattr(args, f"{part}_end_ds")
    if start is None and end is None:
        return None
    if start is None or end is None or start > end:
        raise ValueError(
            f"--{part}-start-ds is {start} and --{part}-end-ds is {end}; expected first and last day"
        )
    return DayRange(start, end)


def _read_part(context: JobContext, days: DayRange) -> Samples:
    rows = context.warehouse.read_days(SAMPLES, days.start, days.end)
    count, most = rows.count(), context.settings.training.max_samples
    if not count:
        raise DataCheckError(f"{SAMPLES} has no row for {days}; run build_samples for these days first")
    if count > most:
        # A fixed thousandth of the keys at a time, so that a rerun keeps the same rows.
        kept = max(1, most * 1000 // count)
        rows = rows.where(F.pmod(F.xxhash64("advertiser_id", "scenario_id", "ds"), F.lit(1000)) < kept)
        print(
            f"train_model: {days}: {kept / 10:.1f} % of {count:,} rows are used (training.max_samples)",
            file=sys.stderr,
        )
    return collect_samples(rows, context.settings)


def _configs(settings: Settings) -> tuple[ModelConfig, TrainingConfig]:
    training = settings.training
    return ModelConfig.named(settings.model.name, **settings.model.overrides), TrainingConfig(
        seed=training.seed,
        epochs=training.epochs,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        patience=training.patience_epochs,
        task_weights={task.name: task.weight for task in settings.tasks},
    )


def _parameters(settings: Settings, split: AsOfSplit) -> dict[str, object]:
    days = {f"{name}_days": str(getattr(split, name)) for name in PARTS}
    return {
        **days,
        "model": settings.model.name,
        "settings_version": settings.version,
        **settings.training.model_dump(),
    }


def _compare(bundle: Bundle, samples: Samples, settings: Settings, part: str) -> dict[str, float]:
    """Overall metrics of the model and of persistence on one part; printed and returned."""
    figures: dict[str, float] = {}
    forecast = Scorer(bundle).predict(samples)
    estimates = {"m2m": forecast.mean, "persistence": persistence(samples, settings)}
    if forecast.median is not None:
        estimates["m2m_median"] = forecast.median
    for name, estimate in estimates.items():
        found = _overall(samples, estimate, settings.task_names)
        figures |= {f"{part}_{name}_{metric}": value for metric, value in found.items()}
    calibration = _calibration(samples, forecast, settings.task_names.index(settings.active_task))
    figures |= {f"{part}_m2m_{metric}": value for metric, value in calibration.items()}
    told = [f"{key.removeprefix(f'{part}_')} {value:.4f}" for key, value in figures.items()]
    print(f"train_model: {part} days, overall: {', '.join(told)}", file=sys.stderr)
    return figures


def _calibration(samples: Samples, forecast: Forecast, active: int) -> dict[str, float]:
    """Share of labels in [p10, p90] and expected calibration error of P(active); nothing without a distribution."""
    low, high, probability = forecast.p10, forecast.p90, forecast.probability_positive
    if samples.labels is None or low is None or high is None or probability is None:
        return {}
    happened = samples.labels[:, active] > 0
    return {
        "interval_coverage": coverage(samples.labels, low, high),
        "active_ece": expected_calibration_error(probability[:, active], happened),
    }


def _overall(samples: Samples, forecast: NDArray[np.float64], tasks: Sequence[str]) -> dict[str, float]:
    if samples.labels is None:
        raise ValueError("samples have no labels to compare with")
    return overall(cell_metrics(samples.labels, forecast, samples.knowledge["scenario_id"], tasks))


def _promote(registry: ModelRegistry, version: str, ours: float, samples: Samples, part: str) -> None:
    """The new version becomes champion when its NMAE `ours` beats the champion's on the same rows, else challenger."""
    champion = registry.find(CHAMPION)
    if champion is None or champion.version == version:
        registry.set_alias(CHAMPION, version)
        print(f"train_model: version {version} is champion", file=sys.stderr)
        return
    rival = Bundle.load(champion.folder, expected_sha256=champion.sha256)
    theirs = _overall(samples, Scorer(rival).predict(samples).mean, rival.spec.tasks)["nmae"]
    registry.set_alias(CHAMPION if ours < theirs else CHALLENGER, version)
    outcome = "is the new champion" if ours < theirs else "stays challenger"
    print(
        f"train_model: version {version} {outcome}: {part} NMAE {ours:.4f}, version {champion.version} {theirs:.4f}",
        file=sys.stderr,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments beyond those of every job."""
    for part in PARTS:
        for end in ("start", "end"):
            parser.add_argument(
                f"--{part}-{end}-ds", type=as_date, metavar="YYYY-MM-DD", help=f"as-of days of {part}"
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("train_model", train, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
