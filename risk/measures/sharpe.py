"""Sharpe ratio: mean excess return per standard deviation."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, checked_year, excess, is_rounding

from ._running_totals import Estimates, Totals, estimates, too_short
from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


@np.errstate(over="ignore", invalid="ignore")
def sharpe(returns: npt.ArrayLike, periods_per_year: float, risk_free: float = 0.0) -> Estimate:
    """The mean of the returns above the risk-free rate over their standard deviation, annualised.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0; the ratio is multiplied by its square root.
    risk_free : annual rate, taken to one period geometrically: ``(1 + risk_free) ** (1 / periods_per_year) - 1``.

    Returns
    -------
    A ratio; ddof = 1. Undefined for fewer than 2 returns and for returns that do not vary.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible number of periods or rate.

    References: Sharpe (1994), *The Sharpe ratio*, equations 3 to 6; the square root of time assumes independent
    returns (Lo 2002, *The statistics of Sharpe ratios*).

    >>> sharpe([0.02, 0.04], periods_per_year=2).value  # mean 0.03, deviation 0.01 x sqrt(2)
    3.0
    """
    values = checked_returns(returns)
    checked_year(periods_per_year, risk_free)
    if len(values) < 2:
        return too_few(values, 2)
    above = excess(values, periods_per_year, risk_free)
    deviation = above.std(ddof=1)
    if is_rounding(deviation, values):
        return undefined("the returns do not vary")
    return defined(above.mean() / deviation * np.sqrt(periods_per_year))


class Sharpe(Measure):
    """Sharpe ratio: mean excess return over its standard deviation, annualised."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "mean of (return - risk-free) / standard deviation (ddof 1) x sqrt(periods per year)"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`sharpe` of the sample."""
        return sharpe(sample.returns, sample.periods_per_year, sample.risk_free)

    @np.errstate(all="ignore")
    def from_totals(self, totals: Totals) -> Estimates:
        """The ratio of each sample."""
        deviation = np.sqrt(totals.squares / (totals.n - 1))
        values = (totals.mean - totals.rate) / deviation * np.sqrt(totals.periods_per_year)
        return estimates(values, too_short(totals, 2), (deviation <= totals.rounding, "the returns do not vary"))
