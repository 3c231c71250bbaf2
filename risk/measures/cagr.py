"""CAGR: the compound annual growth rate."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, checked_year, wealth

from ._running_totals import Estimates, Totals, estimates
from .base import Estimate, Measure, Sample, Unit, defined, undefined


@np.errstate(over="ignore", invalid="ignore")
def cagr(returns: npt.ArrayLike, periods_per_year: float) -> Estimate:
    """The yearly rate that would have compounded to the same total return.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0; the span is ``T / periods_per_year`` years.

    Returns
    -------
    A fraction per year, at least -1. Undefined for less than one year: a few weeks compounded to a year mean nothing.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible number of periods.

    >>> cagr([0.10, 0.21], periods_per_year=1).value  # 1.1 x 1.21 = 1.331 in two years
    0.15368973...
    """
    values = checked_returns(returns)
    checked_year(periods_per_year)
    if len(values) < periods_per_year:
        return undefined(f"shorter than one year: {len(values)} of {periods_per_year:g} returns")
    return defined(wealth(values)[-1] ** (periods_per_year / len(values)) - 1.0)


class Cagr(Measure):
    """CAGR: the compound annual growth rate."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "(1 + total return) ^ (periods per year / number of returns) - 1"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`cagr` of the sample."""
        return cagr(sample.returns, sample.periods_per_year)

    @np.errstate(all="ignore")
    def from_totals(self, totals: Totals) -> Estimates:
        """The yearly rate of each sample."""
        short = f"shorter than one year: {totals.n} of {totals.periods_per_year:g} returns"
        return estimates(totals.growth ** (1.0 / totals.years) - 1.0, (totals.years < 1.0, short))
