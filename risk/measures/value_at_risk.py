"""Value at risk: the return that one period in twenty, at level 0.95, falls below."""

from typing import ClassVar, get_args

import numpy.typing as npt

from ._tail import TailMeasure, tail_estimate
from ._var_methods import LAWS, Method
from .base import Estimate, Sample


def value_at_risk(returns: npt.ArrayLike, level: float = 0.95, method: str = "historical") -> Estimate:
    """The quantile of returns at ``1 - level``, return-signed: a loss is negative.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    level : confidence, between 0.5 and 1.
    method : one of

        - ``historical``: numpy's percentile with linear interpolation between order statistics;
        - ``order_statistic``: the ``T (1 - level)``-th worst return, the number rounded up;
        - ``gaussian``: mean + z x sd, z the normal quantile of ``1 - level``, sd with ddof = 1;
        - ``cornish_fisher``: z bent by skewness and excess kurtosis; flagged where the bent z is no quantile function;
        - ``ewma``: z x the deviation with weights that fall by 0.94 a period, mean 0;
        - ``garch_normal``, ``garch_t``: a GARCH(1,1) with normal or Student-t residuals;
        - ``fhs``: filtered historical simulation, the GARCH deviation times the residuals' own quantile.

        The last four are forecasts for the period after the sample; the GARCH ones need 250 returns.

    Returns
    -------
    A fraction per period. Undefined where ``T (1 - level) < 1``, and where a GARCH cannot be fitted; flagged where
    ``T (1 - level)`` is below 10, and where the value is no loss.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible level, or an unknown method.

    References: J.P. Morgan, *RiskMetrics Technical Document* (1996), for the term and, chapter 5, the weights; Hyndman
    and Fan (1996), *Sample quantiles in statistical packages*, definitions 7 and 1, for the two quantiles; Zangari
    (1996), *A VaR methodology for portfolios that include options*, for Cornish-Fisher; Bollerslev (1986) for GARCH;
    Barone-Adesi, Giannopoulos and Vosper (1999), *VaR without correlations for portfolios of derivative securities*.

    >>> value_at_risk([-0.04, -0.02, 0.0, 0.01, 0.03, 0.05], level=0.8)
    Estimate(value=-0.02, reason='', flags=('few observations in the tail',))
    """
    return tail_estimate(returns, level, method, get_args(Method), ValueAtRisk.which)


class ValueAtRisk(TailMeasure):
    """Value at risk: the return that the worst periods fall below."""

    which: ClassVar[int] = 0

    method: Method = "historical"
    """How the tail is estimated: from the returns themselves, from a law fitted to them, or as a forecast."""

    @property
    def formula(self) -> str:
        """The computation in words."""
        return LAWS[self.method].var.format(share=self.share_text)

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`value_at_risk` of the sample."""
        return value_at_risk(sample.returns, self.level, self.method)
