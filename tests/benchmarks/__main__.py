"""make bench: run every benchmark, print the figures, write report/bench.json.

`python -m tests.benchmarks NAME...` runs only those and leaves the other figures of the file as they are.
"""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks import (
    calibration,
    compiled,
    demo_floor,
    demo_floor_seen,
    demo_run,
    messy_facts,
    meta_units,
    paper_model,
    precision,
    scoring,
    scoring_paper,
    sequence_scale,
    sequences,
    storage,
    training_rows,
)
from tests.benchmarks.figures import BENCH_FILE, read_figures, write_figures
from tests.benchmarks.limits import missed

BENCHMARKS = {
    "demo_run": demo_run,
    "meta_units": meta_units,
    "paper_model": paper_model,
    "precision": precision,
    "storage": storage,
    "training_rows": training_rows,
    "calibration": calibration,
    "sequences": sequences,
    "messy_facts": messy_facts,
    "scoring": scoring,
    "scoring_paper": scoring_paper,
    "demo_floor": demo_floor,
    "demo_floor_seen": demo_floor_seen,
}
# Only by name: the first needs a C++ compiler, which the project does not, the second some minutes and 10 GB.
BY_NAME_ONLY = {"compiled": compiled, "sequence_scale": sequence_scale}


def main() -> int:
    """Each benchmark module has a `measure()` that yields its figures. Exit status 1 when one misses its limit."""
    parser = argparse.ArgumentParser(description="Run benchmarks and write report/bench.json.")
    known = [*BENCHMARKS, *BY_NAME_ONLY]
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *known], help=", ".join(known))
    chosen = parser.parse_args().names
    figures = []
    for name in chosen or BENCHMARKS:
        for figure in {**BENCHMARKS, **BY_NAME_ONLY}[name].measure():
            print(f"{figure.name:<40}{figure.value:>12,.3f} {figure.unit:<8}{figure.command}", flush=True)
            figures.append(figure)
    fresh = {figure.name for figure in figures}
    kept = [figure for figure in read_figures() if figure.name not in fresh] if chosen else []
    write_figures([*kept, *figures])
    print(f"written to {BENCH_FILE}")
    for line in missed(figures):
        print(f"MISSED: {line}", file=sys.stderr)
    return 1 if missed(figures) else 0


if __name__ == "__main__":
    sys.exit(main())
