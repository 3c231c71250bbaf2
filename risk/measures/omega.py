"""Omega ratio: gains over losses, measured from the risk-free rate."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, checked_year, excess, is_rounding

from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


@np.errstate(over="ignore", invalid="ignore")
def omega(returns: npt.ArrayLike, periods_per_year: float, risk_free: float = 0.0) -> Estimate:
    """The sum of the gains above the risk-free rate over the sum of the losses below it.

    ``sum(max(r - f, 0)) / sum(max(f - r, 0))``: the areas above and below the threshold under the distribution.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0; only the risk-free rate depends on it.
    risk_free : annual rate, taken to one period geometrically; the threshold.

    Returns
    -------
    A ratio, never negative; 1 where gains and losses are equal. Undefined for fewer than 2 returns and where no return
    is below the risk-free rate.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible number of periods or rate.

    References: Keating and Shadwick (2002), *A universal performance measure*.

    >>> round(omega([0.03, -0.01, 0.01, -0.01], periods_per_year=252).value, 12)
    2.0
    """
    values = checked_returns(returns)
    checked_year(periods_per_year, risk_free)
    if len(values) < 2:
        return too_few(values, 2)
    above = excess(values, periods_per_year, risk_free)
    losses = -np.minimum(above, 0.0)
    if is_rounding(losses.max(), values):
        return undefined("no return is below the risk-free rate")
    return defined(np.maximum(above, 0.0).sum() / losses.sum())


class Omega(Measure):
    """Omega ratio: the sum of gains above the risk-free rate over the sum of losses below it."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "sum of (return - risk-free) where positive / - its sum where negative"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`omega` of the sample."""
        return omega(sample.returns, sample.periods_per_year, sample.risk_free)
