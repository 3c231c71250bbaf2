"""Sortino ratio: mean excess return per downside deviation."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, checked_year, excess, is_rounding

from ._running_totals import Estimates, Totals, estimates, too_short
from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


@np.errstate(over="ignore", invalid="ignore")
def sortino(returns: npt.ArrayLike, periods_per_year: float, risk_free: float = 0.0) -> Estimate:
    """The mean of the returns above the risk-free rate over their downside deviation, annualised.

    The downside deviation is the root of the mean over **all** periods of the squared negative excess returns.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0; the ratio is multiplied by its square root.
    risk_free : annual rate, taken to one period geometrically; it is also the target below which a return counts.

    Returns
    -------
    A ratio. Undefined for fewer than 2 returns and where no return is below the risk-free rate.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible number of periods or rate.

    References: Sortino and Price (1994), *Performance measurement in a downside risk framework*.

    >>> sortino([0.03, -0.01, 0.03, -0.01], periods_per_year=2).value  # mean 0.01, downside 0.01 / sqrt(2)
    2.0
    """
    values = checked_returns(returns)
    checked_year(periods_per_year, risk_free)
    if len(values) < 2:
        return too_few(values, 2)
    above = excess(values, periods_per_year, risk_free)
    downside = np.sqrt(np.mean(np.minimum(above, 0.0) ** 2))
    if is_rounding(downside, values):
        return undefined("no return is below the risk-free rate")
    return defined(above.mean() / downside * np.sqrt(periods_per_year))


class Sortino(Measure):
    """Sortino ratio: mean excess return over its downside deviation, annualised."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "mean of (return - risk-free) / root mean square of its negative part x sqrt(periods per year)"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`sortino` of the sample."""
        return sortino(sample.returns, sample.periods_per_year, sample.risk_free)

    @np.errstate(all="ignore")
    def from_totals(self, totals: Totals) -> Estimates:
        """The ratio of each sample."""
        downside = np.sqrt(totals.downside / totals.n)
        values = (totals.mean - totals.rate) / downside * np.sqrt(totals.periods_per_year)
        none = (downside <= totals.rounding, "no return is below the risk-free rate")
        return estimates(values, too_short(totals, 2), none)
