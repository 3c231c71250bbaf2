"""Expected shortfall: the mean return of the periods in the tail."""

from typing import ClassVar, get_args

import numpy.typing as npt

from ._tail import TailMeasure, tail_estimate
from ._var_methods import LAWS, Method, ShortfallMethod
from .base import Estimate, Sample

METHODS: tuple[str, ...] = (*get_args(Method), "fractional")


def expected_shortfall(returns: npt.ArrayLike, level: float = 0.95, method: str = "historical") -> Estimate:
    """The mean return in the worst ``1 - level`` of periods, return-signed: a loss is negative.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    level : confidence, between 0.5 and 1.
    method : as in :func:`~risk.measures.value_at_risk.value_at_risk`, each with the tail of its own law:

        - ``historical``: the mean of the returns at or below the historical value at risk;
        - ``order_statistic``: the mean of the ``T (1 - level)`` worst returns, their number rounded up;
        - ``fractional``: the same, the last of them counted by the fraction that belongs to the tail, so that the
          weights sum to ``T (1 - level)``: the coherent estimator;
        - the others in closed form, or, ``fhs``, as the mean of the standardised residuals' tail.

    Returns
    -------
    A fraction per period, never above the value at risk of the same level and method, unless that is flagged as no
    quantile function. Undefined and flagged where that is.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible level, or an unknown method.

    References: Acerbi and Tasche (2002), *On the coherence of expected shortfall*, eq. 12 and proposition 4.1 for the
    fractional weight; Boudt, Peterson and Croux (2008), *Estimation and decomposition of downside risk for portfolios
    with non-normal returns*, for the Cornish-Fisher tail (theirs is by Edgeworth, ours the mean of the transform).

    >>> expected_shortfall([-0.04, -0.02, 0.0, 0.01, 0.03, 0.05], level=0.8)
    Estimate(value=-0.03, reason='', flags=('few observations in the tail',))
    """
    return tail_estimate(returns, level, method, METHODS, ExpectedShortfall.which)


class ExpectedShortfall(TailMeasure):
    """Expected shortfall: the mean return of the worst periods."""

    which: ClassVar[int] = 1

    method: ShortfallMethod = "historical"
    """How the tail is estimated; `fractional` counts the last of the worst returns in part."""

    @property
    def formula(self) -> str:
        """The computation in words."""
        return LAWS[self.method].shortfall.format(share=self.share_text)

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`expected_shortfall` of the sample."""
        return expected_shortfall(sample.returns, self.level, self.method)
