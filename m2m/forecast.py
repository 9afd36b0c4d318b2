"""What the model says about the next days: the mean and, when the head has one, the distribution.

Letters: N rows, m tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


class ForecastError(ValueError):
    """The model gives numbers that are no forecast."""


@dataclass(frozen=True)
class Forecast:
    """Totals of the next days, float64 [N, m], in the tasks' own units.

    mean: expected total. median, p10, p90: quantiles; p10 and p90 bound the 80 % interval.
    probability_positive: P(y > 0), for the active-days task P(active). A head without a distribution gives
    the mean only, and None for the rest.
    point_estimate: small in absolute and in relative error (`m2m.point_estimate`); only when it was asked for.
    """

    mean: Values
    median: Values | None = None
    p10: Values | None = None
    p90: Values | None = None
    probability_positive: Values | None = None
    point_estimate: Values | None = None

    @property
    def point(self) -> Values:
        """The best estimate that is there for absolute errors (NMAE): the point estimate, the median, or the mean when
        there is no other."""
        if self.point_estimate is not None:
            return self.point_estimate
        return self.mean if self.median is None else self.median

    def parts(self) -> dict[str, Values]:
        """The arrays that are there, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}
