"""What measures against a benchmark share: two series of excess returns over the same periods."""

import numpy.typing as npt

from core.errors import DataError
from core.types import Vector
from risk.returns import checked_returns, checked_year, excess, is_rounding

from .base import Estimate, too_few, undefined


def checked_pair(
    returns: npt.ArrayLike, benchmark: npt.ArrayLike, periods_per_year: float, risk_free: float
) -> tuple[Vector, Vector] | Estimate:
    """The excess returns of both over the risk-free rate, or why they cannot be compared.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, or different lengths.
    ConfigError
        An impossible number of periods or rate.
    """
    own, other = checked_returns(returns), checked_returns(benchmark, "benchmark")
    if len(own) != len(other):
        raise DataError(f"benchmark has {len(other)} rows, returns {len(own)}; both need the same sessions")
    checked_year(periods_per_year, risk_free)
    if len(own) < 2:
        return too_few(own, 2)
    if is_rounding(other.std(), other):
        return undefined("the benchmark's returns do not vary")
    return excess(own, periods_per_year, risk_free), excess(other, periods_per_year, risk_free)


def slope(own: Vector, other: Vector) -> float:
    """The regression of one series on the other: covariance / variance of the other."""
    apart = other - other.mean()
    return float((own - own.mean()) @ apart / (apart @ apart))
