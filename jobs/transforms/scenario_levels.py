"""Levels of a scenario's statistics: few, fixed and the same for all data, so nothing is fitted and nothing drifts.

Wide on purpose: a scenario keeps its level for weeks, so that a level says what kind of scenario this is and not
which day it is (decision 12). Level 0 means nothing: no active advertiser, no spend, no pair seen yet.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

_MAX_LOGIT = 6.0
_TIE = 1e-9  # sums differ in their last bits with the order of rows; a value on a border stays on one side


def count_level(count: Column) -> Column:
    """1 + floor(log4 count); 0 for 0. Level 1: 1 to 3, 2: 4 to 15, 3: 16 to 63, ..."""
    return _log4_level(count)


def money_level(amount: Column) -> Column:
    """1 + floor(log4 amount), at least 1; 0 for 0. Level 1: below 4 of the platform's currency, 2: below 16, ..."""
    return _log4_level(amount)


def share_level(share: Column) -> Column:
    """1 to 7, steps of 2 of the logit around one half: below .0067, .047, .27, .73, .953, .9933, up to 1.

    0 for null, when there is nothing to take a share of.
    """
    bounded = F.least(F.greatest(share, F.lit(1e-9)), F.lit(1 - 1e-9))
    logit = F.greatest(F.least(F.log(bounded / (1 - bounded)), F.lit(_MAX_LOGIT)), F.lit(-_MAX_LOGIT))
    level = F.floor((logit + 7) / 2 + _TIE) + 1
    return F.when(share.isNotNull(), level).otherwise(F.lit(0)).cast("int")


def _log4_level(value: Column) -> Column:
    level = F.floor(F.log2(F.greatest(value.cast("double"), F.lit(1.0))) / 2 + _TIE) + 1
    return F.when(value > 0, level).otherwise(F.lit(0)).cast("int")
