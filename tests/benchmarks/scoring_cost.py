"""What scoring costs at your size and your price, from the rate that `python -m tests.benchmarks scoring` measured.

python -m tests.benchmarks.scoring_cost --price 0.04
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from tests.benchmarks.figures import BENCH_FILE, read_figures

RATE = "scoring_rows_per_core_second"
ROWS_A_DAY = (100_000, 1_000_000, 9_000_000, 100_000_000)
DAYS_OF_A_YEAR = 365


def main() -> None:
    """Print one line per number of rows a day."""
    parser = argparse.ArgumentParser(description="Core-hours and money of score_advertisers.")
    parser.add_argument(
        "--price", type=float, default=0.04, help="of a core-hour, in your currency; default 0.04"
    )
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS_A_DAY, help="pairs a day")
    chosen = parser.parse_args()
    print("\n".join(table(measured_rate(), chosen.rows, chosen.price)))


def measured_rate() -> float:
    """Rows per core-second. Raises SystemExit, saying what to run, when there is no such figure yet."""
    found = [figure.value for figure in read_figures() if figure.name == RATE]
    if not found:
        raise SystemExit(f"{BENCH_FILE} has no {RATE}: run python -m tests.benchmarks scoring")
    return found[0]


def table(rate: float, rows_a_day: list[int] | tuple[int, ...], price: float) -> Iterator[str]:
    """Lines of the table; rate in rows per core-second, price of a core-hour."""
    yield f"{'rows a day':>14}{'core-hours a day':>19}{'cost a day':>13}{'cost a year':>14}"
    for rows in rows_a_day:
        hours = rows / rate / 3600
        yield f"{rows:>14,}{hours:>19.3f}{hours * price:>13.4f}{hours * price * DAYS_OF_A_YEAR:>14.2f}"


if __name__ == "__main__":
    main()
