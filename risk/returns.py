"""Checks of returns, wealth and excess returns, which several measures share."""

import math

import numpy as np
import numpy.typing as npt

from core.errors import ConfigError, DataError
from core.types import Vector, read_only

from .periods import period_rate

ROUNDING = 1e-15
"""A return is a difference from 1, so that a deviation of this size, relative to 1 + return, is rounding error."""


def checked_numbers(values: npt.ArrayLike, name: str, minimum: float) -> Vector:
    """A read-only float64 copy of one row of finite numbers.

    Raises
    ------
    DataError
        Not one dimension, not numbers, NaN, infinity, or below ``minimum``; the first row is named.
    """
    raw = np.asarray(values)
    if raw.ndim != 1 or raw.dtype.kind not in "fiu":
        raise DataError(f"{name} must be one row of numbers; given: {raw.ndim} dimension(s) of {raw.dtype}")
    array: Vector = read_only(raw)
    _refuse(~np.isfinite(array), array, f"{name} must be finite: leave out unknown days, write 0 for flat ones")
    _refuse(
        array < minimum, array, f"{name} cannot be below {minimum:g}: is this percent or money rather than a fraction?"
    )
    return array


def _refuse(is_wrong: npt.NDArray[np.bool_], values: Vector, message: str) -> None:
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise DataError(f"{message} (row {row} is {values[row]:g}; rows like it: {int(is_wrong.sum())})")


def checked_returns(returns: npt.ArrayLike, name: str = "returns") -> Vector:
    """A read-only float64 copy of simple returns.

    Parameters
    ----------
    returns : (T,) fractions per session, at least -1 (all is lost).

    Raises
    ------
    DataError
        As in :func:`checked_numbers`.

    >>> checked_returns([0.01, -1.5])
    Traceback (most recent call last):
    core.errors.DataError: returns cannot be below -1: is this percent or money rather than a fraction? (row 1 is...
    """
    return checked_numbers(returns, name, minimum=-1.0)


def checked_year(periods_per_year: float, risk_free: float = 0.0) -> None:
    """Refuse numbers that no year can have.

    Raises
    ------
    ConfigError
        ``periods_per_year`` is not above 0 and finite, or ``risk_free`` not above -1 and finite.
    """
    if not 0 < periods_per_year < math.inf:
        raise ConfigError(f"periods_per_year is {periods_per_year}; it must be above 0, such as 252")
    if not -1 < risk_free < math.inf:
        raise ConfigError(f"risk_free is {risk_free}; it must be an annual rate above -1, such as 0.03 for 3 %")


def wealth(returns: Vector) -> Vector:
    """(T + 1,) the value of 1 invested before the first return, after each return; the 1 included."""
    return np.concatenate(([1.0], np.cumprod(1.0 + returns)))


def excess(returns: Vector, periods_per_year: float, risk_free: float) -> Vector:
    """(T,) returns above an annual rate, which is taken to one period geometrically."""
    return returns - period_rate(risk_free, periods_per_year)


FEW_RETURNS = 30
"""Returns below which chance decides a ratio; fewer have a warning, no interval and no verdict."""
STEADY = 15.0
"""An annual mean / deviation beyond which returns hardly vary: no trading record comes near it."""


def warnings_of(returns: Vector, periods_per_year: float, *, of_variation: bool = True) -> tuple[str, ...]:
    """Warnings that few returns, or returns that hardly vary, make any ratio of them unreliable.

    Parameters
    ----------
    returns : (T,) checked simple returns.
    of_variation : False for a figure that does not depend on how much the returns vary.

    >>> warnings_of(np.array([0.01, 0.0101]), 252.0)
    ('fewer than 30 returns', 'the returns hardly vary')
    """
    few = len(returns) < FEW_RETURNS
    steady = of_variation and hardly_vary(returns, periods_per_year)
    return ("fewer than 30 returns",) * few + ("the returns hardly vary",) * steady


@np.errstate(over="ignore", invalid="ignore")
def hardly_vary(returns: Vector, periods_per_year: float) -> bool:
    """True if the annual mean of (T,) returns is more than 15 times their annual deviation (ddof = 1).

    >>> hardly_vary(np.array([0.01, 0.0101]), 252.0), hardly_vary(np.array([0.01, -0.01]), 252.0)
    (True, False)
    """
    if len(returns) < 2:
        return False
    return bool(abs(returns.mean()) * math.sqrt(periods_per_year) > STEADY * returns.std(ddof=1))


def is_rounding(deviation: float, returns: Vector) -> bool:
    """True if a deviation of returns is rounding error only: constant returns seldom give exactly 0."""
    return bool(deviation <= ROUNDING * (1.0 + np.abs(returns).max()))
