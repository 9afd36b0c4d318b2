"""features.samples -> every model fitted, compared and written to evaluation.*, and report/evaluation.html.

--start-ds .. --end-ds are as-of days, split 8:1:1 with a gap between the parts; or name the parts with
--train-start-ds, --train-end-ds, --valid-start-ds, --valid-end-ds, --test-start-ds, --test-end-ds.
A killed evaluation goes on where it was; one that is done is written again without fitting anything.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jobs.common.arguments import ArgumentError
from jobs.common.job import JobContext, run_job
from jobs.common.parts import SAMPLES, days_of_parts, split_of
from jobs.common.sample_source import delta_uri
from jobs.evaluation import result_rows, table_schemas
from jobs.evaluation.choices import add_choices
from jobs.evaluation.labelled_keys import LabelledKeys
from jobs.evaluation.long_samples import LONG_SAMPLES, build_long_samples
from jobs.evaluation.outcomes import Outcome, Outcomes
from jobs.evaluation.plan import UnitMaker, open_parts, rows_in, scenario_rows, study_shares
from jobs.evaluation.publish_results import write_comparisons, write_predictions, write_small
from jobs.evaluation.scale import Scale, scale_of
from jobs.evaluation.studies import STUDIES, StudyPlan, StudyPoint
from jobs.evaluation.study_rows import StudyRows
from jobs.evaluation.summary import summary
from jobs.evaluation.unit import Parts
from jobs.evaluation.unit_result import load_facts, result_file
from jobs.evaluation.workers import Work, Workers
from jobs.report.evaluation_page import write_page
from jobs.transforms.as_of_split import AsOfSplit


def evaluate(context: JobContext) -> None:
    """Fit what is not fitted yet, then write tables and page. Of a model that failed nothing is written, and the job
    fails after the others are."""
    settings, args = context.settings, context.args
    split = split_of(args, settings.horizon_days)
    if split.test is None:
        raise ArgumentError("there is no test part; name --test-start-ds and --test-end-ds")
    folder = _folder(context)
    scale = scale_of(settings.evaluation, args.quick)
    seeds: tuple[int, ...] = args.seeds or scale.seeds
    parts = _open(context, split, scale.max_samples)
    compared = UnitMaker(settings, scale, parts).comparison(args.models, seeds)
    points = _study_points(context, split, scale, seeds[0])
    failure = _fit(context, folder, compared, points, split)

    test = LabelledKeys.read(parts.test)
    outcomes = Outcomes.of_units(folder, settings.task_names, [work.unit for work in compared])
    models = outcomes.complete(args.models, seeds)
    outcomes.add_mixes(models, seeds, LabelledKeys.read(parts.valid), test)
    found = list(outcomes.of(models, seeds))
    with context.step("write evaluation.*"):
        _write(context, found, split, test, scale, folder)
        _write_studies(context, points, folder)
    context.counts.rows_in = rows_in(parts)
    print(summary(found))
    page = write_page(context.warehouse.root, settings, Path(args.report))
    print(f"evaluate_models: {page}", file=sys.stderr)
    if failure is not None:
        raise failure


def _folder(context: JobContext) -> Path:
    given: Path | None = context.args.checkpoints
    if given is None and "://" in context.warehouse.root:
        raise ArgumentError(f"the warehouse is {context.warehouse.root}; name a folder with --checkpoints")
    return (given or Path(context.warehouse.root) / "checkpoints").absolute() / "evaluation"


def _open(context: JobContext, split: AsOfSplit, most: int) -> Parts:
    return open_parts(delta_uri(context.warehouse.path(SAMPLES)), split, context.settings, most)


def _study_points(context: JobContext, split: AsOfSplit, scale: Scale, seed: int) -> list[StudyPoint]:
    if not context.args.studies:
        return []
    parts = _open(context, split, scale.study_samples)
    rows = StudyRows(study_shares(parts, scale.study_samples), context.settings.history_days)
    plan = StudyPlan(UnitMaker(context.settings, scale, parts), rows, sorted(scenario_rows(parts.test)), seed)
    return [point for study in context.args.studies for point in STUDIES[study](plan)]


def _fit(
    context: JobContext, folder: Path, compared: list[Work], points: list[StudyPoint], split: AsOfSplit
) -> RuntimeError | None:
    """What went wrong, if anything did."""
    # Points of a study may share a unit, with each other or with another study.
    every = {work.unit.fingerprint: work for work in compared}
    for point in points:
        every.setdefault(point.unit.fingerprint, Work(point.unit, point.words))
    pending = [work for name, work in every.items() if not result_file(folder, name).exists()]
    _tell(f"{len(pending)} of {len(every)} units are to be fitted")
    work = _with_long_history(context, pending, split)
    try:
        with context.step(f"fit {len(work)} units"):
            Workers(folder, context.settings.evaluation.processes, _tell).fit(work)
    except RuntimeError as error:
        return error
    return None


def _tell(words: str) -> None:
    print(f"evaluate_models: {words}", file=sys.stderr, flush=True)


def _with_long_history(context: JobContext, pending: list[Work], split: AsOfSplit) -> list[Work]:
    """Units that look back further than features.samples does get rows of their own."""
    settings, warehouse = context.settings, context.warehouse
    longer = [
        work.unit
        for work in pending
        if work.unit.study and work.unit.spec.history_days > settings.history_days
    ]
    if not longer or longer[0].study is None:
        return pending
    most = max(unit.spec.history_days for unit in longer)
    with context.step(f"write {LONG_SAMPLES} of {most} days"):
        long_settings = build_long_samples(warehouse, settings, longer[0].parts, longer[0].study, most)
    parts = open_parts(delta_uri(warehouse.path(LONG_SAMPLES)), split, long_settings, None)
    return [
        Work(replace(work.unit, parts=parts), work.words) if work.unit in longer else work for work in pending
    ]


def _write(
    context: JobContext,
    found: list[Outcome],
    split: AsOfSplit,
    test: LabelledKeys,
    scale: Scale,
    folder: Path,
) -> None:
    warehouse, settings = context.warehouse, context.settings
    models = sorted({outcome.model for outcome in found})
    if not models:
        return
    count = write_predictions(warehouse, folder, found, test, settings.task_names)
    small = {
        "evaluation.metrics": (result_rows.metrics(found), table_schemas.METRICS),
        "evaluation.runs": (result_rows.runs(found, split, settings.version), table_schemas.RUNS),
        "evaluation.calibration": (result_rows.calibration(found), table_schemas.CALIBRATION),
    }
    for table, (rows, schema) in small.items():
        write_small(warehouse, table, rows, schema, "model", models)
    compared = result_rows.comparisons(found, test, settings.task_names, scale.draws)
    write_comparisons(warehouse, compared, models)
    context.counts.rows_out = count


def _write_studies(context: JobContext, points: list[StudyPoint], folder: Path) -> None:
    files = [(point, result_file(folder, point.unit.fingerprint)) for point in points]
    rows = result_rows.studies([(point, load_facts(file)) for point, file in files if file.exists()])
    studies: tuple[str, ...] = context.args.studies
    if studies:
        write_small(context.warehouse, "evaluation.studies", rows, table_schemas.STUDIES, "study", studies)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line entry; returns the exit status."""
    return run_job("evaluate_models", evaluate, __doc__, argv, add_choices, days_of_parts)


if __name__ == "__main__":
    sys.exit(main())
