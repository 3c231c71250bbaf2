"""GARCH(1,1) with a constant mean: fitted by arch, filtered here; the quantiles and tail means of its two laws.

    return_t = mean + sigma_t x z_t,    sigma_t^2 = omega + alpha (return_{t-1} - mean)^2 + beta sigma_{t-1}^2

z has mean 0 and variance 1: normal, or Student's t scaled to variance 1.
"""

import math
import warnings
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.types import Vector
from risk.returns import checked_returns, is_rounding

Law: TypeAlias = Literal["normal", "t"]

MIN_RETURNS = 250
"""Returns that a fit needs, about a year: fewer hold too few clusters of volatility to separate alpha from beta."""

START_DECAY, START_ROWS = 0.94, 75
"""Weights and rows of arch's backcast, which estimates the variance before the first return."""

NORMAL = NormalDist()


@dataclass(frozen=True)
class Garch:
    """A fitted model, in units of returns (fractions, not percent).

    Attributes
    ----------
    mean : the constant mean per period.
    omega : above 0, in squared returns.
    alpha, beta : at least 0, together at most 1.
    nu : degrees of freedom of the t law, above 2; None for the normal law.
    """

    mean: float
    omega: float
    alpha: float
    beta: float
    nu: float | None = None


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def fit_garch(returns: npt.ArrayLike, law: Law = "normal") -> Garch:
    """The model that makes the returns most likely.

    The optimiser (SLSQP, in arch) gets the returns x 100, or x another power of ten where they are much smaller or
    larger than those of a share in a day: away from a deviation of about 1 it stops early, at times without a warning.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions. NaN is an error.
    law : of the standardised returns, ``normal`` or ``t``.

    Raises
    ------
    DataError
        Fewer than 250 returns, returns that do not vary or are too large, or an optimiser that did not converge.
    ConfigError
        An unknown law.

    References: Bollerslev (1986), *Generalized autoregressive conditional heteroskedasticity*; Bollerslev (1987),
    *A conditionally heteroskedastic time series model for speculative prices and rates of return*, for the t law.

    >>> days = np.random.default_rng(7).normal(0.0, 0.01, 500)
    >>> fit_garch(days, law="t").nu > 8
    True
    """
    values = checked_returns(returns)
    if law not in ("normal", "t"):
        raise ConfigError(f"law is {law!r}; known: normal, t")
    if len(values) < MIN_RETURNS:
        raise DataError(f"a GARCH model needs {MIN_RETURNS} or more returns, has {len(values)}")
    deviation = values.std()
    if is_rounding(deviation, values):
        raise DataError("a GARCH model needs returns that vary")
    if not np.isfinite(deviation**2):
        raise DataError("the returns are too large to compute with")
    scale = 10.0 ** -round(math.log10(deviation))
    mean, omega, alpha, beta, *nu = _optimised(scale * values, law)
    return Garch(mean / scale, omega / scale**2, alpha, beta, *nu)


def _optimised(scaled: Vector, law: Law) -> list[float]:
    """Mean, omega, alpha, beta, and nu for the t law, in units of ``scaled``."""
    from arch import arch_model

    model = arch_model(scaled, mean="Constant", vol="GARCH", p=1, q=1, dist=law, rescale=False)
    with warnings.catch_warnings():  # the fit changes the process's filters; its flag reports the convergence
        result = model.fit(disp="off", show_warning=False)
    if result.convergence_flag != 0 or not np.isfinite(result.params).all():
        raise DataError(f"the GARCH fit did not converge: {result.optimization_result.message}")
    return [float(value) for value in result.params]


@np.errstate(over="ignore", invalid="ignore")
def conditional_sigma(returns: npt.ArrayLike, model: Garch) -> Vector:
    """The model's deviations of each return as forecast one period before it, and the next period's.

    The variance before the first return is that of arch's backcast: the mean of the first 75 squared deviations from
    ``model.mean``, weighted by 0.94 ** row. So the first 75 deviations use a little of what follows; its weight
    fades by ``beta`` a row. From then on row t depends on returns up to t - 1 only.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions, at least one; they need not be those of the fit.

    Returns
    -------
    (T + 1,) deviations above 0 in units of returns; the last is the forecast for the period after the last return.

    Raises
    ------
    DataError
        No returns, NaN, infinity, or a return below -1.

    >>> conditional_sigma([0.01, -0.03], Garch(mean=0.0, omega=0.0, alpha=0.0, beta=1.0)).round(4)
    array([0.0221, 0.0221, 0.0221])
    """
    from scipy.signal import lfilter

    values = checked_returns(returns)
    if not len(values):
        raise DataError("a GARCH model needs one or more returns to start from, has 0")
    squares = (values - model.mean) ** 2
    before = np.average(squares[:START_ROWS], weights=START_DECAY ** np.arange(min(START_ROWS, len(values))))
    shocks = model.omega + model.alpha * np.concatenate(([before], squares))
    variances, _ = lfilter([1.0], [1.0, -model.beta], shocks, zi=[model.beta * before])
    sigma: Vector = np.sqrt(variances)
    return sigma


def law_quantile(p: float, nu: float | None) -> float:
    """The quantile at ``p`` of the law with mean 0 and variance 1.

    Parameters
    ----------
    p : between 0 and 1, both excluded.
    nu : degrees of freedom of the t law, above 2; None for the normal law.

    >>> round(law_quantile(0.01, None), 4), round(law_quantile(0.01, 5.0), 4)
    (-2.3263, -2.6065)
    """
    return NORMAL.inv_cdf(p) if nu is None else _t_quantile(p, nu) * _t_scale(nu)


def law_shortfall(p: float, nu: float | None) -> float:
    """The mean of the law with mean 0 and variance 1 below its quantile at ``p``.

    Parameters
    ----------
    p, nu : as in :func:`law_quantile`.

    References: McNeil, Frey and Embrechts (2005), *Quantitative Risk Management*, examples 2.18 and 2.19.

    >>> round(law_shortfall(0.01, None), 4), round(law_shortfall(0.01, 5.0), 4)
    (-2.6652, -3.4488)
    """
    if nu is None:
        return -NORMAL.pdf(NORMAL.inv_cdf(p)) / p
    q = _t_quantile(p, nu)
    log_density = (
        math.lgamma((nu + 1.0) / 2.0)
        - math.lgamma(nu / 2.0)
        - math.log(nu * math.pi) / 2.0
        - (nu + 1.0) / 2.0 * math.log1p(q * q / nu)
    )
    return -_t_scale(nu) * math.exp(log_density) * (nu + q * q) / ((nu - 1.0) * p)


def _t_quantile(p: float, nu: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(nu, p))


def _t_scale(nu: float) -> float:
    """Student's t has the variance nu / (nu - 2)."""
    return math.sqrt((nu - 2.0) / nu)
