"""Expected shortfall: the mean return of the periods in the tail."""

from typing import ClassVar

import numpy.typing as npt

from core.types import Vector

from . import value_at_risk as quantiles
from ._base import Estimate, Sample, Unit
from ._tail import NORMAL, TailMeasure, tail_estimate


def expected_shortfall(returns: npt.ArrayLike, level: float = 0.95, method: str = "historical") -> Estimate:
    """The mean return in the worst ``1 - level`` of periods, return-signed: a loss is negative.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    level : confidence, between 0.5 and 1.
    method : ``historical`` is the mean of the returns at or below the historical value at risk;
        ``gaussian`` is mean - sd x density(z) / (1 - level), z the normal quantile, sd with ddof = 1.

    Returns
    -------
    A fraction per period, never above the value at risk of the same level and method. Undefined and flagged where
    that is.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible level, or an unknown method.

    References: Acerbi and Tasche (2002), *On the coherence of expected shortfall*; the historical mean here is over
    whole observations, without their fractional weight for the last one.

    >>> expected_shortfall([-0.04, -0.02, 0.0, 0.01, 0.03, 0.05], level=0.8)
    Estimate(value=-0.03, reason='', flags=('few observations in the tail',))
    """
    return tail_estimate(returns, level, method, {"historical": historical, "gaussian": gaussian})


def historical(returns: Vector, share: float) -> float:
    """The mean of the (T,) returns at or below their quantile at ``share``; the smallest always is."""
    worst = quantiles.historical(returns, share)
    # The mean of equal numbers may be rounded to just above them.
    return min(float(returns[returns <= worst].mean()), worst)


def gaussian(returns: Vector, share: float) -> float:
    """The mean below the quantile at ``share`` of the normal law with the returns' mean and deviation."""
    density = NORMAL.pdf(NORMAL.inv_cdf(share))
    return float(returns.mean() - returns.std(ddof=1) * density / share)


class ExpectedShortfall(TailMeasure):
    """Expected shortfall: the mean return of the worst periods."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per session"

    @property
    def formula(self) -> str:
        """How it is computed, in words."""
        if self.method == "gaussian":
            tail = f"{1 - self.level:.10g}"
            return f"mean - standard deviation (ddof 1) of returns x normal density(z({tail})) / {tail}"
        return f"mean of the returns at or below their {100 * (1 - self.level):.10g} % quantile (linear)"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`expected_shortfall` of the sample."""
        return expected_shortfall(sample.returns, self.level, self.method)
