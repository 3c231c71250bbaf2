"""Calmar ratio: annual growth per maximum drawdown."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import ROUNDING

from ._running_totals import Estimates, Totals, estimates
from .base import Estimate, Measure, Sample, Unit, defined, undefined
from .cagr import Cagr, cagr
from .max_drawdown import max_drawdown


@np.errstate(over="ignore", invalid="ignore")
def calmar(returns: npt.ArrayLike, periods_per_year: float) -> Estimate:
    """The compound annual growth rate over the depth of the maximum drawdown, both over the whole span.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0.

    Returns
    -------
    A ratio. Undefined for less than one year and without a drawdown.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible number of periods.

    >>> calmar([0.5, -0.25, 0.5], periods_per_year=3).value  # 1.5 x 0.75 x 1.5 = 1.6875 in a year, after a fall of 25 %
    2.75
    """
    growth = cagr(returns, periods_per_year)
    fall = max_drawdown(returns)
    if growth.value is None or fall.value is None:
        return growth if growth.value is None else fall
    if fall.value >= -ROUNDING:
        return undefined("there is no drawdown")
    return defined(growth.value / -fall.value)


class Calmar(Measure):
    """Calmar ratio: compound annual growth rate over the depth of the maximum drawdown."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "CAGR / |maximum drawdown|, both over the whole span"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`calmar` of the sample."""
        return calmar(sample.returns, sample.periods_per_year)

    @np.errstate(all="ignore")
    def from_totals(self, totals: Totals) -> Estimates:
        """The ratio of each sample."""
        growth = Cagr().from_totals(totals)
        none = (totals.drawdown >= -ROUNDING, "there is no drawdown")
        return estimates(growth.values / -totals.drawdown, *growth.reasons, none)
