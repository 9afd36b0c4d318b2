"""Command line arguments of `evaluate_models`."""

from __future__ import annotations

import argparse
from pathlib import Path

from jobs.common.arguments import ArgumentError, add_report_argument, parse_path, typed
from jobs.common.parts import add_part_arguments
from jobs.evaluation.competitors import COMPETITORS, chosen_models
from jobs.evaluation.studies import STUDIES


def parse_models(text: str) -> tuple[str, ...]:
    """Names with commas between them, or `all`. Raises ArgumentError naming those that are unknown."""
    return chosen_models(text.split(","))


def parse_seeds(text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them, each once and in order. Raises ArgumentError for anything else."""
    parts = text.split(",")
    wrong = [part for part in parts if not (part.isascii() and part.isdigit() and 0 < int(part) < 2**31)]
    if wrong:
        raise ArgumentError(f"seeds {wrong} are not allowed; expected whole numbers from 1 on, as in 1,2,3")
    return tuple(sorted({int(part) for part in parts}))


def parse_studies(text: str) -> tuple[str, ...]:
    """Names with commas between them, `all` or `none`. Raises ArgumentError naming those that are unknown."""
    names = set(text.split(","))
    unknown = sorted(names - {*STUDIES, "all", "none"})
    if unknown or ("none" in names and len(names) > 1):
        raise ArgumentError(
            f"studies {sorted(names)} are not allowed; expected all, none, {', '.join(STUDIES)}"
        )
    return tuple(study for study in STUDIES if study in names or "all" in names)


def parse_folder(text: str) -> Path:
    """A folder of the file system. Raises ArgumentError for a URI."""
    if "://" in text:
        raise ArgumentError(
            f"{text!r} is not allowed; expected a folder of the file system, which all can reach"
        )
    return Path(parse_path(text))


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Arguments beyond those of every job."""
    add_part_arguments(parser)
    parser.add_argument(
        "--models",
        type=typed(parse_models),
        default=tuple(COMPETITORS),
        metavar="LIST|all",
        help=f"default: all of {', '.join(COMPETITORS)}",
    )
    parser.add_argument(
        "--seeds", type=typed(parse_seeds), metavar="1,2,3", help="default: evaluation.seeds of the settings"
    )
    parser.add_argument(
        "--studies",
        type=typed(parse_studies),
        default=tuple(STUDIES),
        metavar="LIST|all|none",
        help=f"default: all of {', '.join(STUDIES)}",
    )
    parser.add_argument(
        "--quick", action="store_true", help="few rows, one seed, one epoch: whether everything runs"
    )
    parser.add_argument(
        "--checkpoints",
        type=typed(parse_folder),
        metavar="FOLDER",
        help="where finished and half-finished models are kept for a rerun; Spark's executors must reach it "
        "(default: <warehouse>/checkpoints of a local warehouse)",
    )
    add_report_argument(parser)
