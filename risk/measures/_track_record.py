"""Statistics of one track record: the probabilistic Sharpe ratio, the minimum length.

Everything is per observation, never annualised: a ratio of daily returns is compared with a daily benchmark.
"""

import math

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from risk.returns import checked_returns

from ._track import Track
from .base import Estimate, defined, undefined

NO_SPREAD = 1e-12
"""Below this the variance term below is rounding error: it is 0 where returns take two values in certain shares."""


def probabilistic_sharpe(returns: npt.ArrayLike, benchmark: float = 0.0) -> Estimate:
    """The probability that the true Sharpe ratio lies above a benchmark, given the one measured.

    ``Phi[(SR - benchmark) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 x SR^2)]`` with the moments of
    :class:`Track`. It does not account for the strategies that were tried before this one.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    benchmark : a Sharpe ratio per period; an annual one is divided by the root of the periods in a year.

    Returns
    -------
    A probability. Undefined for fewer than 2 returns, for returns that do not vary, and where the root is of 0.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        A benchmark that is not finite.

    References: Bailey and Lopez de Prado (2012), *The Sharpe ratio efficient frontier*, Journal of Risk 15(2),
    section 3; the variance is that of Mertens (2002).

    >>> probabilistic_sharpe([0.01, -0.01, 0.02, -0.02]).value  # a mean of 0
    0.5
    """
    track = _track(returns, benchmark)
    return track if isinstance(track, Estimate) else defined(track.probability(benchmark))


def minimum_track_record_length(returns: npt.ArrayLike, benchmark: float = 0.0, alpha: float = 0.05) -> Estimate:
    """The number of returns from which this Sharpe ratio differs significantly from a benchmark.

    ``1 + (1 - skew SR + (kurtosis - 1) / 4 x SR^2) (Z / (SR - benchmark))^2``, Z the normal quantile of
    ``1 - alpha``: the n at which :func:`probabilistic_sharpe` would be ``1 - alpha`` with the moments of these returns.

    Parameters
    ----------
    returns, benchmark : as for :func:`probabilistic_sharpe`.
    alpha : the chance of error that is accepted, above 0 and below 0.5; 0.05 is 95 % confidence.

    Returns
    -------
    A number of observations, not rounded; the record is long enough if it is at most T. Undefined as there, and for
    a ratio that is not above the benchmark.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        A benchmark that is not finite, or an impossible alpha.

    References: Bailey and Lopez de Prado (2012), *The Sharpe ratio efficient frontier*, Journal of Risk 15(2),
    section 4.

    >>> minimum_track_record_length([0.01, -0.02]).reason
    'the Sharpe ratio is not above the benchmark: no record is long enough'
    """
    if not 0.0 < alpha < 0.5:
        raise ConfigError(f"alpha is {alpha}; it must lie between 0 and 0.5, both excluded: 0.05 is 95 % confidence")
    track = _track(returns, benchmark)
    if isinstance(track, Estimate):
        return track
    if track.sharpe <= benchmark:
        return undefined("the Sharpe ratio is not above the benchmark: no record is long enough")
    return defined(track.length(benchmark, alpha))


@np.errstate(over="ignore", invalid="ignore")
def _track(returns: npt.ArrayLike, benchmark: float) -> Track | Estimate:
    """The moments, or the estimate that there is none."""
    values = checked_returns(returns)
    if not math.isfinite(benchmark):
        raise ConfigError(f"benchmark is {benchmark}; it must be a Sharpe ratio per period, such as 0")
    try:
        track = Track.of(values)
    except DataError as error:
        return undefined(str(error))
    if not math.isfinite(track.variance):
        return undefined("the returns are too large to compute with")
    if track.variance <= NO_SPREAD:
        return undefined("the Sharpe ratio's variance is not above 0 for this skewness and kurtosis")
    return track
