"""The methods of value at risk and expected shortfall, each a function of the returns and the tail's probability.

Formulas that read a window are written over the last axis, so that a moving window of returns goes through the same
lines as a whole sample (:mod:`risk.var.rolling_forecasts`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from core.types import Vector
from risk.returns import ROUNDING

from ._garch import Garch, conditional_sigma, fit_garch, law_quantile, law_shortfall
from ._garch import Law as GarchLaw

Method: TypeAlias = Literal[
    "historical", "order_statistic", "gaussian", "cornish_fisher", "ewma", "garch_normal", "garch_t", "fhs"
]
ShortfallMethod: TypeAlias = Literal[Method, "fractional"]
Array: TypeAlias = npt.NDArray[np.float64]
Pair: TypeAlias = tuple[Array, Array]

NORMAL = NormalDist()
DECAY = 0.94
"""RiskMetrics' decay of daily variances."""
NOT_MONOTONE = "the Cornish-Fisher transform is not monotone here: it is no quantile function"


def tail_count(n: int, tail_probability: float) -> int:
    """The number of returns in the tail: ``n x tail_probability``, rounded up; at least one.

    >>> tail_count(250, 0.01), tail_count(100, 0.05)
    (3, 5)
    """
    return max(math.ceil(round(n * tail_probability, 9)), 1)


def historical(returns: Array, tail_probability: float) -> Pair:
    """The linear quantile, and the mean of the returns at or below it."""
    quantile = np.quantile(returns, tail_probability, axis=-1, method="linear")
    inside = returns <= quantile[..., None]
    mean = np.where(inside, returns, 0.0).sum(axis=-1) / inside.sum(axis=-1)
    # The mean of equal numbers may be rounded to just above them.
    return quantile, np.minimum(mean, quantile)


def order_statistic(returns: Array, tail_probability: float) -> Pair:
    """The k-th worst return, k the tail's count, and the mean of the k worst."""
    count = tail_count(returns.shape[-1], tail_probability)
    worst = np.sort(np.partition(returns, count - 1, axis=-1)[..., :count], axis=-1)
    return worst[..., -1], np.minimum(worst.mean(axis=-1), worst[..., -1])


def fractional(returns: Array, tail_probability: float) -> Pair:
    """The order statistic, and the mean of the worst ``n x tail_probability`` returns, the last one counted in part."""
    n = returns.shape[-1]
    count = tail_count(n, tail_probability)
    worst = np.sort(np.partition(returns, count - 1, axis=-1)[..., :count], axis=-1)
    weights = np.ones(count)
    weights[-1] = n * tail_probability - (count - 1)
    return worst[..., -1], np.minimum((worst * weights).sum(axis=-1) / (n * tail_probability), worst[..., -1])


def gaussian(returns: Array, tail_probability: float) -> Pair:
    """Those of the normal law with the returns' mean and deviation (ddof 1)."""
    mean = returns.mean(axis=-1)
    deviation = returns.std(axis=-1, ddof=1)
    quantile = NORMAL.inv_cdf(tail_probability)
    return mean + quantile * deviation, mean - NORMAL.pdf(quantile) / tail_probability * deviation


def cornish_fisher(returns: Array, tail_probability: float) -> Pair:
    """Those of the normal law, adjusted by the returns' biased skewness and excess kurtosis; deviation with ddof 1.

    The quantile is ``z + (z^2 - 1) S / 6 + (z^3 - 3 z) K / 24 - (2 z^3 - 5 z) S^2 / 36``, and the shortfall the mean of
    that over the normal law's tail of probability p:
    ``-pdf(z) / p x (1 + z S / 6 + (z^2 - 1) K / 24 - (2 z^2 - 1) S^2 / 36)``.
    """
    mean = returns.mean(axis=-1)
    deviation = returns.std(axis=-1, ddof=1)
    skew, kurtosis = shape(returns)
    z = NORMAL.inv_cdf(tail_probability)
    quantile = z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * kurtosis / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    tail = 1 + z * skew / 6 + (z**2 - 1) * kurtosis / 24 - (2 * z**2 - 1) * skew**2 / 36
    return mean + quantile * deviation, mean - NORMAL.pdf(z) / tail_probability * tail * deviation


def shape(returns: Array) -> Pair:
    """Biased skewness and excess kurtosis; 0 for returns that do not vary."""
    deviations = returns - returns.mean(axis=-1, keepdims=True)
    squares = deviations * deviations  # products: a power of an array is many times slower
    second = np.mean(squares, axis=-1)
    flat = np.sqrt(second) <= ROUNDING * (1.0 + np.abs(returns).max(axis=-1))
    scale = np.where(flat, 1.0, second)
    third = np.mean(squares * deviations, axis=-1) / scale**1.5
    fourth = np.mean(squares * squares, axis=-1) / scale**2 - 3.0
    return np.where(flat, 0.0, third), np.where(flat, 0.0, fourth)


def is_monotone(skew: float, kurtosis: float) -> bool:
    """True if the Cornish-Fisher transform rises throughout, as a quantile function must.

    Its derivative is a parabola in z: it stays at or above 0 if the parabola opens upwards and has no two roots.

    Parameters
    ----------
    skew, kurtosis : as in :func:`shape`, the kurtosis in excess of the normal law's.

    References: Maillard (2012), *A user's guide to the Cornish Fisher expansion*, section 3.

    >>> is_monotone(0.0, 0.0), is_monotone(0.0, 8.0), is_monotone(0.0, 8.1), is_monotone(1.0, 0.5)
    (True, True, False, False)
    """
    a = kurtosis / 8 - skew**2 / 6
    b = skew / 3
    c = 1 - kurtosis / 8 + 5 * skew**2 / 36
    return c >= 0 if a == 0 == b else a >= 0 and b**2 <= 4 * a * c


def ewma_sigma(returns: Vector) -> Vector:
    """(T + 1,) RiskMetrics deviations known one period before, around a mean of 0; the last is the forecast.

    The variance starts at the square of the first return and moves by ``0.94 x itself + 0.06 x return^2``. The first
    value, before any return, is NaN.
    """
    variance = np.empty(len(returns) + 1)
    variance[0] = np.nan
    value = float(returns[0] ** 2)
    for row, square in enumerate(returns**2, start=1):
        value = variance[row] = value if row == 1 else DECAY * value + (1 - DECAY) * square
    return np.sqrt(variance)


def ewma(returns: Vector, tail_probability: float) -> Pair:
    """Those of the normal law with mean 0 and the exponentially weighted deviation, for the next period."""
    sigma = ewma_sigma(returns)[-1]
    quantile = NORMAL.inv_cdf(tail_probability)
    return np.asarray(quantile * sigma), np.asarray(-NORMAL.pdf(quantile) / tail_probability * sigma)


@lru_cache(maxsize=16)
def _fitted(raw: bytes, law: GarchLaw) -> Garch:
    """The model of some returns, cached: each level and both measures use the same fit."""
    return fit_garch(np.frombuffer(raw), law)


def garch_normal(returns: Vector, tail_probability: float) -> Pair:
    """Those of a GARCH(1,1) with normal residuals, for the next period."""
    return _by_law(returns, _fitted(returns.tobytes(), "normal"), tail_probability)


def garch_t(returns: Vector, tail_probability: float) -> Pair:
    """Those of a GARCH(1,1) with Student-t residuals, for the next period."""
    return _by_law(returns, _fitted(returns.tobytes(), "t"), tail_probability)


def _by_law(returns: Vector, model: Garch, tail_probability: float) -> Pair:
    sigma = conditional_sigma(returns, model)[-1]
    quantile = law_quantile(tail_probability, model.nu)
    shortfall = law_shortfall(tail_probability, model.nu)
    return np.asarray(model.mean + sigma * quantile), np.asarray(model.mean + sigma * shortfall)


def fhs(returns: Vector, tail_probability: float) -> Pair:
    """Filtered historical simulation: a GARCH(1,1) forecast (t residuals) times the residuals' own quantile."""
    model = _fitted(returns.tobytes(), "t")
    sigma = conditional_sigma(returns, model)
    quantile, shortfall = historical((returns - model.mean) / sigma[:-1], tail_probability)
    return model.mean + sigma[-1] * quantile, model.mean + sigma[-1] * shortfall


@dataclass(frozen=True)
class Law:
    """A method: its computation and its formulas in words.

    Attributes
    ----------
    both : (value at risk, expected shortfall) of (T,) returns and the tail's probability.
    var, shortfall : the formulas in words; `{share}` stands for the tail's share in per cent.
    """

    both: Callable[[Array, float], Pair]
    var: str
    shortfall: str


LAWS: dict[str, Law] = {
    "historical": Law(
        historical,
        "{share} % quantile of the returns, linear interpolation",
        "mean of the returns at or below the {share} % quantile (linear interpolation)",
    ),
    "order_statistic": Law(
        order_statistic,
        "the k-th lowest return, k = n x {share} % rounded up",
        "mean of the k lowest returns, k = n x {share} % rounded up",
    ),
    "fractional": Law(
        fractional,
        "the k-th lowest return, k = n x {share} % rounded up",
        "mean of the lowest n x {share} % of returns, the last of them counted in part",
    ),
    "gaussian": Law(
        gaussian,
        "mean + z({share} %) x standard deviation (ddof 1) of returns",
        "mean - pdf(z({share} %)) / {share} % x standard deviation (ddof 1) of returns",
    ),
    "cornish_fisher": Law(
        cornish_fisher,
        "mean + Cornish-Fisher z({share} %) x standard deviation; biased skewness and excess kurtosis",
        "mean + mean of the Cornish-Fisher z below {share} % x standard deviation",
    ),
    "ewma": Law(
        ewma,
        "z({share} %) x deviation with weights falling by 0.94 a session, mean 0: a forecast for the next session",
        "-pdf(z({share} %)) / {share} % x deviation with weights falling by 0.94 a session, mean 0: a forecast for the "
        "next session",
    ),
    "garch_normal": Law(
        garch_normal,
        "mean + z({share} %) x GARCH(1,1) deviation, normal residuals: a forecast for the next session",
        "mean + normal shortfall at {share} % x GARCH(1,1) deviation: a forecast for the next session",
    ),
    "garch_t": Law(
        garch_t,
        "mean + t quantile at {share} % x GARCH(1,1) deviation, t residuals: a forecast for the next session",
        "mean + t shortfall at {share} % x GARCH(1,1) deviation: a forecast for the next session",
    ),
    "fhs": Law(
        fhs,
        "mean + {share} % quantile of the standardised residuals x GARCH(1,1) deviation, t residuals: a forecast for "
        "the next session",
        "mean + mean of the standardised residuals up to their {share} % quantile x GARCH(1,1) deviation, t residuals: "
        "a forecast for the next session",
    ),
}
