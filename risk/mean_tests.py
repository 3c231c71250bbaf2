"""Standard errors of a mean and of an intercept under autocorrelation, and Holm's correction for several tests."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.types import Matrix, Vector

ROUNDING = 1e-15
"""A range up to this multiple of the largest value is rounding error."""
EXPLAINED = 1e-10
"""A regressor whose variance the others leave this share of, or less, is a combination of them but for rounding."""


def newey_west_lags(n: int) -> int:
    """The lags of the Bartlett kernel: floor(4 (n / 100)^(2/9)), the usual rule of thumb.

    >>> newey_west_lags(100), newey_west_lags(2000)
    (4, 7)
    """
    return math.floor(4.0 * math.pow(n / 100.0, 2.0 / 9.0))


def one_sided_p(t: float) -> float:
    """The probability that a standard normal variable is above t.

    >>> round(one_sided_p(1.6448536269514722), 12)
    0.05
    """
    return 0.5 * math.erfc(t / math.sqrt(2.0))


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


@dataclass(frozen=True)
class Intercept:
    """The intercept of a regression by least squares.

    Attributes
    ----------
    value : alpha, in the unit of the outcome.
    error : its standard error, Newey-West.
    slopes : one a regressor, 0 for one that was left out.
    explained : R squared, the share of the outcome's variance that the regressors explain.
    """

    value: float
    error: float
    slopes: tuple[float, ...]
    explained: float


def regression_intercept(outcome: Vector, regressors: Matrix, lags: int) -> Intercept:
    """The intercept of ``y = a + X b + u``, with a standard error under heteroskedasticity and autocorrelation.

    By the theorem of Frisch, Waugh and Lovell ``a`` is ``w'y / w'w`` for the residual ``w`` of a constant regressed on
    X, so that its error is that of the mean of ``w u / mean(w^2)`` (Newey & West 1987), times ``sqrt(T / (T - k))``
    for the k coefficients that were estimated. Jensen (1968) is the use of ``a`` as a measure of skill.

    Parameters
    ----------
    outcome : (T,) finite.
    regressors : (T, K) finite, K may be 0. One that does not vary, or is explained by those before it, is left out.
    lags : autocovariances taken in, below T.
    """
    used = _independent(regressors)
    columns = regressors[:, used]
    n = len(outcome)
    design = np.column_stack([np.ones(n), columns])
    coefficients = np.linalg.lstsq(design, outcome, rcond=None)[0]
    residuals = outcome - design @ coefficients
    weights = np.ones(n) - columns @ np.linalg.lstsq(columns, np.ones(n), rcond=None)[0] if used else np.ones(n)
    scores = weights * residuals / (weights @ weights / n)
    error = newey_west_error(scores, lags) * math.sqrt(n / (n - design.shape[1]))
    slopes = dict(zip(used, coefficients[1:].tolist(), strict=True))
    total = float(((outcome - outcome.mean()) ** 2).sum())
    explained = 1.0 - float(residuals @ residuals) / total if total > 0.0 else 0.0
    all_slopes = tuple(slopes.get(index, 0.0) for index in range(regressors.shape[1]))
    return Intercept(float(coefficients[0]), error, all_slopes, explained)


def regression_ahead(outcome: Vector, regressors: Matrix) -> Vector:
    """(T,) forecasts ``X b`` of an outcome, b of each row from the rows before it alone, without an intercept.

    Parameters
    ----------
    outcome : (T,) finite.
    regressors : (T, K) finite, K may be 0; those that :func:`regression_intercept` leaves out are left out here. Before
        there are more rows than regressors, b is 0.
    """
    columns = regressors[:, _independent(regressors)]
    products = np.cumsum(columns[:, :, None] * columns[:, None, :], axis=0)
    with_outcome = np.cumsum(columns * outcome[:, None], axis=0)
    inverses = np.linalg.pinv(products, hermitian=True)
    slopes = np.einsum("tij,tj->ti", inverses, with_outcome)
    ahead = np.zeros(len(outcome))
    first = columns.shape[1] + 1
    ahead[first:] = (columns[first:] * slopes[first - 1 : -1]).sum(axis=1)
    return ahead


def _independent(regressors: Matrix) -> list[int]:
    """The regressors that vary and are not explained by those before them."""
    used: list[int] = []
    for index in range(regressors.shape[1]):
        centred = regressors[:, [*used, index]] - regressors[:, [*used, index]].mean(axis=0)
        column = centred[:, -1]
        others = centred[:, :-1]
        rest = column - others @ np.linalg.lstsq(others, column, rcond=None)[0] if used else column
        is_flat = np.abs(column).max() <= ROUNDING * (1.0 + np.abs(regressors[:, index]).max())
        if not is_flat and rest @ rest > EXPLAINED * (column @ column):
            used.append(index)
    return used
