"""Writes a seeded world of advertisers as landing files, so that everything runs without data of one's own.

<warehouse>/landing/advertiser_daily and advertiser_profile (Parquet by ds) and scenario. The same seed gives
the same rows, whether a range of days is made at once or day by day. Keep --advertisers, --seed and
--world-start-ds the same when days are added to a world.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from jobs.common.arguments import ArgumentError, as_count, as_date
from jobs.common.job import JobContext, run_job
from jobs.demo_world.landing import generate
from jobs.demo_world.world import DEFAULT_ADVERTISERS, DEFAULT_SEED, DEFAULT_WORLD_START, World


def generate_demo_data(context: JobContext) -> None:
    """Replace the days of the landing folders by those of the world."""
    args = context.args
    try:
        world = World(args.advertisers, args.seed, args.world_start_ds)
        world.day_number(context.start_ds)
    except ValueError as error:
        raise ArgumentError(str(error)) from error
    landing = f"{context.warehouse.root.rstrip('/')}/landing"
    context.counts.rows_out = generate(context.spark, world, landing, context.start_ds, context.end_ds)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this job alone."""
    parser.add_argument(
        "--advertisers", type=as_count, default=DEFAULT_ADVERTISERS, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--seed", type=as_count, default=DEFAULT_SEED, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--world-start-ds",
        type=as_date,
        default=DEFAULT_WORLD_START,
        metavar="YYYY-MM-DD",
        help="the world's first day; star_shop is launched 70 days later; default: %(default)s",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    return run_job("generate_demo_data", generate_demo_data, __doc__, argv, add_arguments)


if __name__ == "__main__":
    sys.exit(main())
