"""Formulas of the key figures that are no measures of a run: simple functions of returns, NaN where undefined."""

import math

import numpy as np

from core.types import Vector

NONE = math.nan


def mean_growth(returns: Vector, periods: float = 1.0) -> float:
    """The compounded mean return of a time: ``prod(1 + r) ** (periods / n) - 1``; NaN if the returns are fewer.

    Parameters
    ----------
    returns : (T,) simple returns.
    periods : returns in the time, 1 for one return's own.

    >>> round(mean_growth(np.array([0.1, 0.21]), 2.0), 12)
    0.331
    """
    if len(returns) < max(periods, 1.0):
        return NONE
    return float(np.prod(1.0 + returns) ** (periods / len(returns)) - 1.0)


def gain_to_pain(returns: Vector) -> float:
    """Sum of the returns / sum of the losses, positive (Schwager 2012); NaN without a loss.

    >>> gain_to_pain(np.array([0.5, -0.25, 0.25]))
    2.0
    """
    return _over(float(returns.sum()), -float(returns[returns < 0].sum()))


def gain_to_loss(returns: Vector) -> float:
    """Sum of the gains / sum of the losses, positive; NaN without a loss.

    >>> gain_to_loss(np.array([0.5, -0.25, 0.25]))
    3.0
    """
    return _over(float(returns[returns > 0].sum()), -float(returns[returns < 0].sum()))


def mean_gain(returns: Vector) -> float:
    """The mean of the returns above 0; NaN without one."""
    return _mean(returns[returns > 0])


def mean_loss(returns: Vector) -> float:
    """The mean of the returns below 0, negative; NaN without one."""
    return _mean(returns[returns < 0])


def payoff(returns: Vector) -> float:
    """Mean gain / mean loss, positive; NaN without either.

    >>> payoff(np.array([0.5, -0.25, 0.25]))
    1.5
    """
    return _over(mean_gain(returns), -mean_loss(returns))


def share_of_gains(returns: Vector) -> float:
    """Returns above 0 / all returns, flat ones included; NaN without any.

    >>> share_of_gains(np.array([0.1, 0.0, -0.1, 0.0]))
    0.25
    """
    return _mean((returns > 0).astype(np.float64))


def longest_streak(hits: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> float:
    """The most hits in a row.

    >>> longest_streak(np.array([True, False, True, True])), longest_streak(np.array([False]))
    (2.0, 0.0)
    """
    edges = np.diff(hits.astype(np.int8), prepend=0, append=0)
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return float(lengths.max(initial=0))


def kelly(excess: Vector) -> float:
    """The multiple of these positions that would have grown fastest: the f that maximises mean(log(1 + f r)).

    Parameters
    ----------
    excess : (T,) returns above the risk-free rate of a period.

    Returns
    -------
    1 is the account as it was, 18 eighteen times its positions, below 0 the opposite side. NaN without a gain or
    without a loss: growth has no maximum then. It is the optimum of the past, far too much for a future that differs.

    References: Kelly (1956), *A new interpretation of information rate*; Thorp (2006), section 3.

    >>> round(kelly(np.array([0.5, -0.25])), 9)  # mean(log) is largest where 0.5 / (1 + 0.5 f) = 0.25 / (1 - 0.25 f)
    1.0
    """
    if not (excess > 0).any() or not (excess < 0).any():
        return NONE
    from scipy.optimize import brentq

    low = -1.0 / float(excess.max())
    high = -1.0 / float(excess.min())
    edge = 1e-12 * (high - low)
    return float(brentq(lambda f: float(np.sum(excess / (1.0 + f * excess))), low + edge, high - edge, xtol=1e-12))


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else NONE


def _mean(values: Vector) -> float:
    return float(values.mean()) if len(values) else NONE
