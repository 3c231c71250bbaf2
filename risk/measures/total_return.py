"""Total return: the gain over the whole span."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, wealth

from ._running_totals import Estimates, Totals, estimates, too_short
from .base import Estimate, Measure, Sample, Unit, defined, too_few


@np.errstate(over="ignore", invalid="ignore")
def total_return(returns: npt.ArrayLike) -> Estimate:
    """The compounded return over all periods.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A fraction, at least -1. Undefined without returns.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    >>> total_return([1.0, -0.25])
    Estimate(value=0.5, reason='', flags=())
    """
    values = checked_returns(returns)
    if len(values) < 1:
        return too_few(values, 1)
    return defined(wealth(values)[-1] - 1.0)


class TotalReturn(Measure):
    """Total return: the compounded gain over the whole span."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "product of (1 + return) - 1"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`total_return` of the sample."""
        return total_return(sample.returns)

    def from_totals(self, totals: Totals) -> Estimates:
        """The gain of each sample."""
        return estimates(totals.growth - 1.0, too_short(totals, 1))
