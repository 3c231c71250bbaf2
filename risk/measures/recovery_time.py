"""Recovery time: the time from the lowest point of the deepest fall back to its peak."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ._drawdowns import checked_stretches
from .base import Estimate, Measure, Sample, Unit, defined, undefined


@np.errstate(over="ignore", invalid="ignore")
def recovery_time(returns: npt.ArrayLike) -> Estimate:
    """Periods from the lowest point of the maximum drawdown until its peak was reached again.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    Periods, 1 or more. Undefined without returns, without a drawdown, and where the peak was not reached again.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    >>> recovery_time([-0.1, -0.5, 0.5, 1.0]).value
    2.0
    """
    drawdowns = checked_stretches(returns)
    if isinstance(drawdowns, Estimate):
        return drawdowns
    if not len(drawdowns.first):
        return undefined("there is no drawdown to recover from")
    deepest = int(drawdowns.depth.argmin())
    if drawdowns.end[deepest] == drawdowns.n:
        return undefined("the maximum drawdown was not recovered by the end")
    return defined(float(drawdowns.end[deepest] - drawdowns.valley[deepest]))


class RecoveryTime(Measure):
    """Recovery time: sessions from the bottom of the maximum drawdown back to its peak."""

    unit: ClassVar[Unit] = "count"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "sessions from the lowest point of the maximum drawdown to the one that reached its peak again"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`recovery_time` of the sample."""
        return recovery_time(sample.returns)
