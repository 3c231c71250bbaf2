"""Value at risk: the return that one period in twenty, at level 0.95, falls below."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from core.types import Vector

from ._base import Estimate, Sample, Unit
from ._tail import NORMAL, TailMeasure, tail_estimate


def value_at_risk(returns: npt.ArrayLike, level: float = 0.95, method: str = "historical") -> Estimate:
    """The quantile of returns at ``1 - level``, return-signed: a loss is negative.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    level : confidence, between 0.5 and 1.
    method : ``historical`` is numpy's percentile with linear interpolation between order statistics;
        ``gaussian`` is mean + z x sd, z the normal quantile of ``1 - level``, sd with ddof = 1.

    Returns
    -------
    A fraction per period. Undefined where ``T (1 - level) < 1``; flagged where that is below 10, and where the value
    is no loss.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible level, or an unknown method.

    References: J.P. Morgan, *RiskMetrics Technical Document* (1996), for the term; Hyndman and Fan (1996), *Sample
    quantiles in statistical packages*, definition 7, for the interpolation.

    >>> value_at_risk([-0.04, -0.02, 0.0, 0.01, 0.03, 0.05], level=0.8)
    Estimate(value=-0.02, reason='', flags=('few observations in the tail',))
    """
    return tail_estimate(returns, level, method, {"historical": historical, "gaussian": gaussian})


def historical(returns: Vector, share: float) -> float:
    """The linear quantile of (T,) returns at ``share``."""
    return float(np.quantile(returns, share, method="linear"))


def gaussian(returns: Vector, share: float) -> float:
    """The quantile at ``share`` of the normal law with the returns' mean and deviation."""
    return float(returns.mean() + NORMAL.inv_cdf(share) * returns.std(ddof=1))


class ValueAtRisk(TailMeasure):
    """Value at risk: the return that the worst periods fall below."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per session"

    @property
    def formula(self) -> str:
        """How it is computed, in words."""
        if self.method == "gaussian":
            return f"mean + z({1 - self.level:.10g}) x standard deviation (ddof 1) of returns"
        return f"{100 * (1 - self.level):.10g} % quantile of the returns, linear interpolation"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`value_at_risk` of the sample."""
        return value_at_risk(sample.returns, self.level, self.method)
