"""How rows of several files are put together for a wide model."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from jobs.common.score_files import gathered

MONDAY, TUESDAY = date(2026, 4, 13), date(2026, 4, 14)


def batch(*rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"row": list(rows)})


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, [[1, 2], [3], [4, 5, 6], [7], [8]]),
        (3, [[1, 2, 3], [4, 5, 6], [7, 8]]),
        (100, [[1, 2, 3], [4, 5, 6, 7, 8]]),
    ],
)
def test_batches_of_one_day_are_put_together_up_to_so_many_rows(most: int, expected: list[list[int]]) -> None:
    found = [
        (MONDAY, batch(1, 2)),
        (MONDAY, batch(3)),
        (TUESDAY, batch(4, 5, 6)),
        (TUESDAY, batch(7)),
        (TUESDAY, batch(8)),
    ]
    together = list(gathered(iter(found), most))
    assert [rows["row"].to_pylist() for _, rows in together] == expected
    assert [day for day, _ in together] == [MONDAY if rows[0] < 4 else TUESDAY for rows in expected]


def test_nothing_gives_nothing() -> None:
    assert list(gathered(iter([]), 5)) == []
