"""Volatility: the yearly standard deviation of returns."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, checked_year

from ._running_totals import Estimates, Totals, estimates, too_short
from .base import Estimate, Measure, Sample, Unit, defined, too_few


@np.errstate(over="ignore", invalid="ignore")
def volatility(returns: npt.ArrayLike, periods_per_year: float) -> Estimate:
    """The standard deviation of returns, taken to a year by the square root of time.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0.

    Returns
    -------
    A fraction per year, never negative; ddof = 1. Undefined for fewer than 2 returns.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible number of periods.

    >>> volatility([0.01, -0.01, 0.01, -0.01, 0.0], periods_per_year=256)
    Estimate(value=0.16, reason='', flags=())
    """
    values = checked_returns(returns)
    checked_year(periods_per_year)
    if len(values) < 2:
        return too_few(values, 2)
    return defined(values.std(ddof=1) * np.sqrt(periods_per_year))


class Volatility(Measure):
    """Volatility: the standard deviation of returns, annualised."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "standard deviation (ddof 1) of returns x sqrt(periods per year)"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`volatility` of the sample."""
        return volatility(sample.returns, sample.periods_per_year)

    @np.errstate(all="ignore")
    def from_totals(self, totals: Totals) -> Estimates:
        """The deviation of each sample."""
        values = np.sqrt(totals.squares / (totals.n - 1)) * np.sqrt(totals.periods_per_year)
        return estimates(values, too_short(totals, 2))
