"""features.samples -> a trained M2M bundle, registered in MLflow; the better model becomes champion.

--start-ds .. --end-ds are as-of days, split 8:1:1 with a gap between the parts; or name the parts with
--train-start-ds, --train-end-ds, --valid-start-ds, --valid-end-ds (--test-start-ds, --test-end-ds).
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jobs.common.job import JobContext, run_job
from jobs.common.judging import judge
from jobs.common.model_inputs import feature_spec
from jobs.common.model_registry import CHALLENGER, CHAMPION, ModelRegistry, RegisteredBundle
from jobs.common.parts import PARTS, SAMPLES, add_part_arguments, open_part, split_of
from jobs.common.sample_source import DeltaSamples, delta_uri
from jobs.common.settings import Settings
from jobs.common.training import TrainingTask, fit_on_cluster, training_config_for
from jobs.transforms.as_of_split import AsOfSplit, DayRange
from m2m import Bundle, BundleError, ModelConfig, TrainingConfig
from m2m.sources import count_rows
from m2m.training.run import EpochCallback
from m2m.window_forecasts import persistence


def train(context: JobContext) -> None:
    """Train, compare with persistence and with the champion, register."""
    settings = context.settings
    split = split_of(context.args, settings.horizon_days)
    parts = {name: _open_part(context, getattr(split, name)) for name in PARTS if getattr(split, name)}
    registry = ModelRegistry(settings.platform, context.warehouse.root)
    task = _task(context, parts)
    run_id = registry.start_run(f"train {split.train}", _parameters(settings, split, task.training))
    with context.step(f"train at most {task.training.epochs} epochs"):
        bundle = _fit(context, task, lambda epoch, metrics: registry.log_metrics(run_id, metrics, epoch))
    judged = "test" if "test" in parts else "valid"
    with context.step(f"judge on {judged} days"):
        figures = _compare(bundle, parts[judged], settings, judged)
    registry.log_metrics(run_id, figures)
    with tempfile.TemporaryDirectory() as folder:
        bundle.save(folder)
        version = registry.register(run_id, Path(folder), bundle.sha256)
    ours = _nmae({name.removeprefix(f"{judged}_"): value for name, value in figures.items()})
    _promote(registry, version, ours, parts[judged], judged, settings.active_task)
    if task.checkpoint:
        Path(task.checkpoint).unlink(missing_ok=True)
    context.counts.rows_in = sum(count_rows(part) for part in parts.values())


def _open_part(context: JobContext, days: DayRange) -> DeltaSamples:
    table, settings = delta_uri(context.warehouse.path(SAMPLES)), context.settings
    spec, most = feature_spec(settings), settings.training.max_samples
    part = open_part(table, days, spec, most)
    if part.kept_share < 1:
        told = f"{part.kept_share:.1%} of the rows are used (training.max_samples)"
        print(f"train_model: {days}: {told}", file=sys.stderr)
    return part


def _task(context: JobContext, parts: Mapping[str, DeltaSamples]) -> TrainingTask:
    settings, train = context.settings, parts["train"]
    seen = sorted({piece.ds for piece in train.pieces})
    task = TrainingTask(
        feature_spec(settings),
        ModelConfig.named(settings.model.name, **settings.model.overrides),
        training_config_for(settings, count_rows(train)),
        train,
        parts["valid"],
        {"first": str(seen[0]), "last": str(seen[-1]), "count": len(seen)},
        settings.training.device,
    )
    folder = _checkpoint_folder(context)
    if folder is None:
        print("train_model: without --checkpoints a killed training starts anew", file=sys.stderr)
        return task
    # One file per training, so that a rerun after a kill finds its own.
    name = f"train_model-{task.fingerprint(settings.training.processes)[:16]}.safetensors"
    return replace(task, checkpoint=str(folder.absolute() / name))


def _checkpoint_folder(context: JobContext) -> Path | None:
    """Every training process must reach it, so by default it is in a local warehouse of a local Spark only."""
    given: Path | None = context.args.checkpoints
    local = str(context.spark.sparkContext.master).startswith("local")
    alone = local or context.settings.training.processes == 1
    if given is not None or "://" in context.warehouse.root or not alone:
        return given
    return Path(context.warehouse.root) / "checkpoints"


def _fit(context: JobContext, task: TrainingTask, on_epoch: EpochCallback) -> Bundle:
    processes = context.settings.training.processes
    if processes > 1:
        return fit_on_cluster(context.spark, task, processes, on_epoch)
    return task.fit(on_epoch)


def _parameters(settings: Settings, split: AsOfSplit, used: TrainingConfig) -> dict[str, object]:
    """Settings, and what followed from the rows when `training.row_passes` is set."""
    days = {f"{name}_days": str(getattr(split, name)) for name in PARTS}
    return {
        **days,
        "model": settings.model.name,
        "settings_version": settings.version,
        **settings.training.model_dump(),
        "epochs": used.epochs,
        "batch_size": used.batch_size,
        "patience_epochs": used.patience,
    }


def _compare(bundle: Bundle, rows: DeltaSamples, settings: Settings, part: str) -> dict[str, float]:
    """Overall metrics of the model and of persistence on one part; printed and returned."""
    judged = judge(
        bundle,
        rows,
        settings.active_task,
        lambda samples: persistence(samples, bundle.spec),
    )
    figures = {f"{part}_{name}": value for name, value in judged.items()}
    told = [f"{key.removeprefix(f'{part}_')} {value:.4f}" for key, value in figures.items()]
    print(f"train_model: {part} days, overall: {', '.join(told)}", file=sys.stderr)
    return figures


def _promote(
    registry: ModelRegistry, version: str, ours: float, rows: DeltaSamples, part: str, active_task: str
) -> None:
    """The new version becomes champion when its NMAE `ours` beats the champion's on the same rows, else challenger."""
    champion = registry.find(CHAMPION)
    if champion is None or champion.version == version:
        registry.set_alias(CHAMPION, version)
        print(f"train_model: version {version} is champion", file=sys.stderr)
        return
    theirs = _champions_nmae(champion, rows, active_task)
    registry.set_alias(CHAMPION if ours < theirs else CHALLENGER, version)
    outcome = "is the new champion" if ours < theirs else "stays challenger"
    print(
        f"train_model: version {version} {outcome}: {part} NMAE {ours:.4f}, version {champion.version} {theirs:.4f}",
        file=sys.stderr,
    )


def _champions_nmae(champion: RegisteredBundle, rows: DeltaSamples, active_task: str) -> float:
    """On the same rows; infinite when the champion can no longer be used, being of another format or other columns."""
    try:
        rival = Bundle.load(champion.folder, expected_sha256=champion.sha256)
    except BundleError as error:
        print(f"train_model: version {champion.version} cannot be used any more: {error}", file=sys.stderr)
        return math.inf
    if rival.spec != rows.spec:
        print(f"train_model: version {champion.version} was trained on other columns", file=sys.stderr)
        return math.inf
    return _nmae(judge(rival, rows, active_task))


def _nmae(figures: Mapping[str, float]) -> float:
    """Of the median where there is one, as in validation (decision 8); of the mean otherwise."""
    return figures.get("m2m_median_nmae", figures["m2m_nmae"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments beyond those of every job."""
    parser.add_argument(
        "--checkpoints",
        type=Path,
        metavar="FOLDER",
        help="where a training under way is kept; every training process must reach it (default: "
        "<warehouse>/checkpoints of a local warehouse; for several processes with a local Spark only)",
    )
    add_part_arguments(parser)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("train_model", train, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
