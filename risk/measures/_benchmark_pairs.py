"""Pairs of excess returns of an account and a benchmark over the same periods, for the measures that compare them."""

import numpy.typing as npt

from core.errors import DataError
from core.types import Vector
from risk.returns import checked_returns, checked_year, excess, is_rounding

from .base import Estimate, too_few, undefined


def checked_pair(
    returns: npt.ArrayLike, benchmark: npt.ArrayLike, periods_per_year: float, risk_free: float
) -> tuple[Vector, Vector] | Estimate:
    """The excess returns of both over the risk-free rate, or the reason why they cannot be compared.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, or different lengths.
    ConfigError
        An impossible number of periods or rate.
    """
    portfolio = checked_returns(returns)
    reference = checked_returns(benchmark, "benchmark")
    if len(portfolio) != len(reference):
        raise DataError(f"benchmark has {len(reference)} rows, returns {len(portfolio)}; both need the same sessions")
    checked_year(periods_per_year, risk_free)
    if len(portfolio) < 2:
        return too_few(portfolio, 2)
    if is_rounding(reference.std(), reference):
        return undefined("the benchmark's returns do not vary")
    return excess(portfolio, periods_per_year, risk_free), excess(reference, periods_per_year, risk_free)


def slope(series: Vector, reference: Vector) -> float:
    """The regression of one series on the other: covariance / variance of the other."""
    deviations = reference - reference.mean()
    return float((series - series.mean()) @ deviations / (deviations @ deviations))
