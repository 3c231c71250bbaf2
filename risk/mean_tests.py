"""Standard errors of a mean under autocorrelation, and Holm's correction for several tests."""

import math
from collections.abc import Mapping

import numpy as np

from core.types import Vector


def newey_west_lags(n: int) -> int:
    """The lags of the Bartlett kernel: floor(4 (n / 100)^(2/9)), the usual rule of thumb.

    >>> newey_west_lags(100), newey_west_lags(2000)
    (4, 7)
    """
    return math.floor(4.0 * math.pow(n / 100.0, 2.0 / 9.0))


def newey_west_error(values: Vector, lags: int) -> float:
    """The standard error of a mean under autocorrelation (Newey & West 1987, Bartlett weights, divisor n).

    Parameters
    ----------
    values : (T,) finite.
    lags : autocovariances taken in, below T; 0 is the plain standard error.
    """
    return _error(values, 1.0 - np.arange(1, lags + 1) / (lags + 1.0))


def overlap_error(values: Vector, horizon: int) -> float:
    """The standard error of a mean of values that overlap over ``horizon`` periods; never below the Newey-West one.

    Values of overlapping outcomes are a moving average of order ``horizon - 1``. The rectangular window over these lags
    (Hansen & Hodrick 1980) is exact for them, but it can be negative, and misses dependence of any other kind. The
    Bartlett kernel is never negative, but gives the lags too little weight. So the larger one is taken, the second with
    ``max(newey_west_lags(T), 2 (horizon - 1))`` lags.

    Parameters
    ----------
    values : (T,) finite, in time order.
    horizon : periods that a value spans, at least 1 and at most T / 2.
    """
    lags = min(max(newey_west_lags(len(values)), 2 * (horizon - 1)), len(values) - 1)
    return max(newey_west_error(values, lags), _error(values, np.ones(horizon - 1)))


def _error(values: Vector, weights: Vector) -> float:
    """The error with a weight for each lag from 1 on; 0 where the variance is not above 0."""
    centred = values - values.mean()
    n = len(values)
    lagged = range(1, len(weights) + 1)
    covariances = np.array([centred[lag:] @ centred[: n - lag] for lag in lagged]) / n
    variance = centred @ centred / n + 2.0 * float(weights @ covariances)
    return math.sqrt(max(float(variance), 0.0) / n)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's adjusted p-values: reject what is at most alpha, and any false rejection has a chance of at most alpha.

    The k-th smallest of m p-values is multiplied by ``m - k + 1`` and raised to the largest before it. It holds
    whatever the dependence between the tests (Holm 1979, A simple sequentially rejective multiple test procedure,
    Scandinavian Journal of Statistics 6(2)).

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    ascending = sorted(p_values.items(), key=lambda item: item[1])
    for rank, (name, p_value) in enumerate(ascending):
        largest = max(largest, min(1.0, (len(ascending) - rank) * p_value))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}
