"""Maximum drawdown: the deepest fall from an earlier peak."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns

from ._drawdowns import under_water
from ._running_totals import Estimates, Totals, estimates, too_short
from .base import Estimate, Measure, Sample, Unit, defined, too_few


@np.errstate(over="ignore", invalid="ignore")
def max_drawdown(returns: npt.ArrayLike) -> Estimate:
    """The lowest compounded wealth relative to its highest so far; the start counts, so a first-day loss does.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A fraction from -1 (all is lost) to 0 (never below an earlier peak). Undefined without returns.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    >>> max_drawdown([-0.5, 1.0, 0.0, -0.25])
    Estimate(value=-0.5, reason='', flags=())
    """
    values = checked_returns(returns)
    if len(values) < 1:
        return too_few(values, 1)
    return defined(under_water(values).min())


class MaxDrawdown(Measure):
    """Maximum drawdown: the deepest fall from an earlier peak, the start included."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "lowest of wealth / highest wealth so far - 1, from a wealth of 1 before the first return"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`max_drawdown` of the sample."""
        return max_drawdown(sample.returns)

    def from_totals(self, totals: Totals) -> Estimates:
        """The deepest fall of each sample."""
        return estimates(totals.drawdown, too_short(totals, 1))
