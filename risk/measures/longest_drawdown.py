"""Longest drawdown: the longest time below an earlier peak."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ._drawdowns import checked_stretches
from .base import Estimate, Measure, Sample, Unit, defined

OPEN = "not recovered by the end"


@np.errstate(over="ignore", invalid="ignore")
def longest_drawdown(returns: npt.ArrayLike) -> Estimate:
    """The most periods in a row whose wealth is below an earlier peak.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    Periods, 0 or more: from the first return below the peak to the last one, both counted; a drawdown that was not
    recovered counts to the end and is flagged. Undefined without returns.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    >>> longest_drawdown([0.1, -0.5, 0.2, 1.0, -0.1]).value  # two below; the third return brings it back
    2.0
    """
    drawdowns = checked_stretches(returns)
    if isinstance(drawdowns, Estimate):
        return drawdowns
    if not len(drawdowns.first):
        return defined(0.0)
    length = drawdowns.length
    longest = int(length.argmax())
    is_open = drawdowns.end[longest] == drawdowns.n
    return defined(float(length[longest]), *((OPEN,) if is_open else ()))


class LongestDrawdown(Measure):
    """Longest drawdown: the most sessions in a row below an earlier peak."""

    unit: ClassVar[Unit] = "count"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "most sessions in a row whose wealth is below an earlier peak"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`longest_drawdown` of the sample."""
        return longest_drawdown(sample.returns)
