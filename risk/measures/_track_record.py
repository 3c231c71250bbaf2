"""Sharpe ratio statistics of one track record: its moments, the probabilistic Sharpe ratio, the minimum length.

Everything is per observation, never annualised: a ratio of daily returns is compared with a daily benchmark.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from risk.returns import checked_returns, is_rounding

from .base import Estimate, defined, undefined

NORMAL = NormalDist()
EULER_GAMMA = 0.5772156649015329

NO_SPREAD = 1e-12
"""Below this the variance term below is rounding error: it is 0 where returns take two values in certain shares."""


@dataclass(frozen=True)
class Track:
    """The length, Sharpe ratio and moments of a track record.

    Attributes
    ----------
    n : number of returns, at least 2.
    sharpe : mean over standard deviation (ddof 1), per observation.
    skew : ``m3 / m2 ** 1.5`` from the central moments (divided by n); a normal law has 0.
    kurtosis : ``m4 / m2 ** 2``, **raw**: a normal law has 3.
    """

    n: int
    sharpe: float
    skew: float
    kurtosis: float

    @classmethod
    def of(cls, returns: npt.ArrayLike) -> "Track":
        """The moments of (T,) simple returns.

        Raises
        ------
        DataError
            NaN, infinity, a return below -1, fewer than 2 returns, or returns that do not vary.
        """
        values = checked_returns(returns)
        if len(values) < 2:
            raise DataError(f"needs 2 or more returns, has {len(values)}")
        if is_rounding(values.std(), values):
            raise DataError("the returns do not vary")
        deviations = values - values.mean()
        m2, m3, m4 = (float(np.mean(deviations**power)) for power in (2, 3, 4))
        return cls(len(values), float(values.mean() / values.std(ddof=1)), m3 / m2**1.5, m4 / m2**2)

    @property
    def variance(self) -> float:
        """The limit of the variance of ``sqrt(n - 1) x sharpe``: 1 - skew SR + (kurtosis - 1) / 4 x SR^2."""
        return 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2

    def probability(self, benchmark: float = 0.0) -> float:
        """The probabilistic Sharpe ratio; see :func:`probabilistic_sharpe`.

        >>> round(Track(24, 0.458, skew=-2.448, kurtosis=10.164).probability(), 3)  # the paper's hedge fund
        0.913
        """
        return NORMAL.cdf((self.sharpe - benchmark) * math.sqrt((self.n - 1) / self.variance))

    def deflated(self, trials: int, variance: float) -> float:
        """The deflated Sharpe ratio; see :func:`deflated_sharpe`.

        >>> daily = Track(1250, 2.5 / 250**0.5, skew=-3.0, kurtosis=10.0)
        >>> round(daily.deflated(100, 0.5 / 250), 4)  # the paper's example
        0.9004
        """
        return self.probability(expected_maximum(trials, variance))

    def length(self, benchmark: float = 0.0, alpha: float = 0.05) -> float:
        """The minimum track record; see :func:`minimum_track_record_length`.

        >>> daily = Track(756, 2 / 252**0.5, skew=0.0, kurtosis=3.0)
        >>> round(daily.length(1 / 252**0.5) / 252, 2)  # the paper's years to tell an annual ratio of 2 from 1
        2.73
        """
        return 1.0 + self.variance * (NORMAL.inv_cdf(1.0 - alpha) / (self.sharpe - benchmark)) ** 2


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


def expected_maximum(trials: int, variance: float) -> float:
    """The Sharpe ratio to expect of the best of some trials without skill, per observation; 0 for one trial.

    Parameters
    ----------
    trials : number of them, at least 1.
    variance : of the trials' Sharpe ratios per observation, at least 0.

    References
    ----------
    Bailey, D. H. and Lopez de Prado, M. (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40(5): the
    approximation by extreme value theory. It is 8 % too low for two trials, and within 1 % from five on.
    """
    if trials < 1 or not variance >= 0:
        raise ConfigError(f"trials is {trials} and their variance {variance}; there must be 1 or more, and 0 or more")
    if trials == 1:
        return 0.0
    best = NORMAL.inv_cdf(1 - 1 / trials), NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * ((1 - EULER_GAMMA) * best[0] + EULER_GAMMA * best[1])


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
