"""Reason codes that one step writes and a later step reads; each stands before `=` and a value."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

FELL_BY = "value_fell_by"
NO_BEHAVIOUR = "no_behaviour_days"


def has_reason(code: str) -> Column:
    """Whether `reasons` (array of string) holds this code, with any value."""
    return F.exists("reasons", lambda reason: reason.startswith(f"{code}="))
