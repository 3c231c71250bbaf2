"""Sharpe ratio tests that depend on the number of trials: deflated Sharpe ratio, minimum backtest length.

Everything is per observation, never annualised; the one exception is stated where it is made.
"""

import math

import numpy.typing as npt

from core.errors import ConfigError
from risk.measures._track import expected_maximum
from risk.measures._track_record import probabilistic_sharpe
from risk.measures.base import Estimate, defined, undefined


def deflated_sharpe(returns: npt.ArrayLike, trials: int, trial_sharpe_variance: float) -> Estimate:
    """Probability that the true Sharpe ratio is above what the best of many trials without skill would show.

    Parameters
    ----------
    returns : (T,) simple returns of the best trial, fractions, finite.
    trials : number of all trials ever made, at least 1.
    trial_sharpe_variance : variance over the trials of their Sharpe ratios **per observation**.

    Returns
    -------
    A fraction; undefined where :func:`probabilistic_sharpe` is.

    References
    ----------
    Bailey, D. H. and Lopez de Prado, M. (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40(5).
    """
    return probabilistic_sharpe(returns, expected_maximum(trials, trial_sharpe_variance))


def minimum_backtest_length(trials: int, sharpe: float = 1.0) -> Estimate:
    """The years of data below which the best of some trials without skill is expected to show a Sharpe ratio.

    ``([(1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))] / sharpe)^2``, g Euler's constant and Z the normal quantile: over y years
    the annual ratios of trials without skill have a deviation of ``1 / sqrt(y)``. A longer backtest proves nothing; a
    shorter one can be explained by the number of trials alone.

    Parameters
    ----------
    trials : N independent ones, at least 1; see :func:`effective_trials`.
    sharpe : an **annual** Sharpe ratio, unlike all else here.

    Returns
    -------
    Years; 0 for one trial, which was not chosen. Undefined for a ratio that is not above 0.

    Raises
    ------
    ConfigError
        Fewer trials than 1, or a ratio that is not finite.

    References
    ----------
    Bailey, D. H., Borwein, J. M., Lopez de Prado, M. and Zhu, Q. J. (2014), Pseudo-mathematics and financial
    charlatanism, Notices of the AMS 61(5), equation 6: five years allow for no more than 45 trials.

    >>> round(minimum_backtest_length(45).value, 1)
    5.0
    """
    if not math.isfinite(sharpe):
        raise ConfigError(f"sharpe is {sharpe}; it must be an annual Sharpe ratio, such as 1")
    best = expected_maximum(trials, 1.0)
    if sharpe <= 0.0:
        return undefined("the Sharpe ratio is not above 0: trials without skill show it over any length")
    return defined((best / sharpe) ** 2)
