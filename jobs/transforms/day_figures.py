"""What the rows of a day amount to, in two numbers: how many they are, and a fingerprint of their content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

WRAP = 2**64


class DayFigures(NamedTuple):
    """Figures of a set of rows; those of two sets without common rows add up."""

    rows: int = 0
    fingerprint: int = 0

    def plus(self, other: DayFigures) -> DayFigures:
        """Figures of both sets together."""
        return DayFigures(self.rows + other.rows, (self.fingerprint + other.fingerprint) % WRAP)


def figures_by(
    rows: DataFrame, day: str, fingerprints: Mapping[str, Sequence[str]], size: str = "rows"
) -> DataFrame:
    """One row per value of the column `day`: `size`, and for each name and its columns <name>_high and <name>_low.

    A fingerprint is the sum of a 64-bit hash per row, modulo 2^64, so the order of the rows does not matter and equal
    rows do not cancel each other. The two halves of the hash are summed apart: neither sum overflows below 2^31 rows.
    """
    sums = [part for name, columns in fingerprints.items() for part in _sums(name, columns)]
    return rows.groupBy(F.col(day).alias("ds")).agg(F.count(F.lit(1)).alias(size), *sums)


def figures_of(row: Row, name: str, size: str = "rows") -> DayFigures:
    """The figures of one row of `figures_by`."""
    return DayFigures(row[size], ((row[f"{name}_high"] << 32) + row[f"{name}_low"]) % WRAP)


def _sums(name: str, columns: Sequence[str]) -> list[Column]:
    # The hash passes over nulls, so which columns are null is hashed as well.
    row_hash = F.xxhash64(*columns, *(F.col(c).isNull() for c in columns))
    high = F.sum(F.shiftrightunsigned(row_hash, 32)).alias(f"{name}_high")
    low = F.sum(row_hash.bitwiseAND(F.lit(2**32 - 1))).alias(f"{name}_low")
    return [high, low]
