"""One-day-ahead forecasts of value at risk and expected shortfall along a series, each from the returns before it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.types import Vector
from risk.measures._garch import Garch, Law, conditional_sigma, fit_garch, law_quantile, law_shortfall
from risk.measures._tail import returns_needed, tail_share
from risk.measures._var_methods import LAWS, NORMAL, Method, ewma_sigma, historical
from risk.returns import checked_returns

REFIT = 20
"""Days between two fits of a GARCH; between them its variance is filtered on."""
GARCHS: dict[str, Law] = {"garch_normal": "normal", "garch_t": "t", "fhs": "t"}
CELLS = 4_000_000
"""Numbers in the windows that are processed at a time: 32 MB."""

Key: TypeAlias = tuple[str, float]
Pair: TypeAlias = tuple[Vector, Vector]


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Forecasts by method and level.

    Attributes
    ----------
    first : the first row with a forecast; before it they are NaN.
    var, es : by (method, level): (T,) fractions, return-signed; row t knows returns up to t - 1 only.
    failures : by method: number of failed fits of its model; the days until the next fit use the one before, and are
        NaN where there is none.
    """

    first: int
    var: dict[Key, Vector]
    es: dict[Key, Vector]
    failures: dict[str, int]


def forecasts(returns: npt.ArrayLike, window: int, levels: Sequence[float], methods: Sequence[str]) -> Forecasts:
    """Value at risk and expected shortfall for each day, from the days before it.

    Methods that read a sample use the last ``window`` returns; ``ewma`` uses all returns so far, with its falling
    weights; the GARCH ones are fitted on all returns so far, anew every 20 days, and filtered in between.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions. NaN is an error.
    window : returns before the first forecast, and in each window.
    levels : confidences, between 0.5 and 1.
    methods : names as in :func:`~risk.measures.value_at_risk.value_at_risk`.

    Raises
    ------
    DataError
        Returns that cannot be, or no more of them than the window.
    ConfigError
        An unknown method, an impossible level, or a window too short for it.

    >>> series = forecasts(np.linspace(-0.02, 0.02, 41), window=20, levels=[0.95], methods=["historical"])
    >>> series.first, series.var["historical", 0.95][19:21].round(5)
    (20, array([     nan, -0.01905]))
    """
    values = checked_returns(returns)
    _check(values, window, levels, methods)
    var: dict[Key, Vector] = {}
    es: dict[Key, Vector] = {}
    failures: dict[str, int] = {}
    for method in methods:
        forecaster = _forecaster(values, window, method, failures)
        for level in levels:
            var[method, level], es[method, level] = forecaster(tail_share(level))
    return Forecasts(window, var, es, failures)


def _check(returns: Vector, window: int, levels: Sequence[float], methods: Sequence[str]) -> None:
    for method in methods:
        if method not in get_args(Method):
            raise ConfigError(f"method is {method!r}; known: {', '.join(get_args(Method))}")
    check_window(window, levels)
    if len(returns) <= window:
        raise DataError(f"needs more than {window} returns to forecast one, has {len(returns)}")


def check_window(window: int, levels: Sequence[float]) -> None:
    """Refuse a window that is too short to have a return in the tail at each level.

    Raises
    ------
    ConfigError
        An impossible level, or a window too short for it.
    """
    for level in levels:
        tail_share(level)  # refuses an impossible one
        minimum = returns_needed(level, 1)
        if window < minimum:
            raise ConfigError(f"a window of {window} returns has none in the tail at {level:g}; take {minimum} or more")


def _forecaster(returns: Vector, window: int, method: str, failures: dict[str, int]) -> Callable[[float], Pair]:
    """The forecasts of one method as a function of the tail's probability; the common part is computed once."""
    if method in GARCHS:
        models = list(_models(returns, window, GARCHS[method]))
        failures[method] = sum(model is None for _, model in models)
        return lambda tail_probability: _garch(returns, models, tail_probability, filtered=method == "fhs")
    if method == "ewma":
        sigma = ewma_sigma(returns)[:-1]
        sigma[:window] = np.nan
        return lambda tail_probability: _scaled(sigma, tail_probability)
    return lambda tail_probability: _windowed(returns, window, method, tail_probability)


def _windowed(returns: Vector, window: int, method: str, tail_probability: float) -> Pair:
    var, es = (np.full(len(returns), np.nan) for _ in range(2))
    windows = np.lib.stride_tricks.sliding_window_view(returns[:-1], window)
    step = max(CELLS // window, 1)
    for start in range(0, len(windows), step):
        quantile, shortfall = LAWS[method].both(windows[start : start + step], tail_probability)
        var[window + start :][: len(quantile)] = quantile
        es[window + start :][: len(quantile)] = shortfall
    return var, es


def _scaled(sigma: Vector, tail_probability: float) -> Pair:
    quantile = NORMAL.inv_cdf(tail_probability)
    return quantile * sigma, -NORMAL.pdf(quantile) / tail_probability * sigma


def _models(returns: Vector, window: int, law: Law) -> Iterator[tuple[int, Garch | None]]:
    """(row, model fitted on the returns before it), every 20 rows; None where the fit failed."""
    for row in range(window, len(returns), REFIT):
        try:
            yield row, fit_garch(returns[:row], law)
        except DataError:
            yield row, None


def _garch(returns: Vector, models: list[tuple[int, Garch | None]], tail_probability: float, *, filtered: bool) -> Pair:
    var, es = (np.full(len(returns), np.nan) for _ in range(2))
    current: Garch | None = None
    for row, model in models:
        current = model or current
        if current is None:
            continue
        days = slice(row, row + REFIT)
        # The deviation of a day is known from the returns before it: filtering further changes none of them.
        sigma = conditional_sigma(returns[: days.stop], current)[:-1]
        quantile, shortfall = _law(returns[:row], sigma[:row], current, tail_probability, filtered)
        var[days] = current.mean + sigma[row:] * quantile
        es[days] = current.mean + sigma[row:] * shortfall
    return var, es


def _law(returns: Vector, sigma: Vector, model: Garch, tail_probability: float, filtered: bool) -> tuple[float, float]:
    """The standardised law's quantile and shortfall: the residuals' own if it is filtered simulation."""
    if not filtered:
        return law_quantile(tail_probability, model.nu), law_shortfall(tail_probability, model.nu)
    quantile, shortfall = historical((returns - model.mean) / sigma, tail_probability)
    return float(quantile), float(shortfall)
