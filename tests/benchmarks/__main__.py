"""make bench: run every benchmark, print the figures, write report/bench.json."""

from __future__ import annotations

from tests.benchmarks import calibration, demo_run
from tests.benchmarks.figures import BENCH_FILE, write_figures

BENCHMARKS = (demo_run, calibration)


def main() -> None:
    """Each benchmark module has a `measure()` that yields its figures."""
    figures = []
    for benchmark in BENCHMARKS:
        for figure in benchmark.measure():
            print(f"{figure.name:<40}{figure.value:>12,.3f} {figure.unit:<8}{figure.command}", flush=True)
            figures.append(figure)
    write_figures(figures)
    print(f"written to {BENCH_FILE}")


if __name__ == "__main__":
    main()
