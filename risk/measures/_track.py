"""The moments of a track record, and the formulas of its Sharpe ratio; numpy is imported where returns are read.

Everything is per observation, never annualised.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from core.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy.typing as npt

NORMAL = NormalDist()
EULER_GAMMA = 0.5772156649015329


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
    def of(cls, returns: "npt.ArrayLike") -> "Track":
        """The moments of (T,) simple returns.

        Raises
        ------
        DataError
            NaN, infinity, a return below -1, fewer than 2 returns, or returns that do not vary.
        """
        import numpy as np

        from risk.returns import checked_returns, is_rounding

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
