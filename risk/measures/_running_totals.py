"""Sums over the returns of many samples, from which a sweep computes measures without keeping every return."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from core.types import Vector
from risk.periods import period_rate
from risk.returns import ROUNDING

Flags: TypeAlias = npt.NDArray[np.bool_]


class Totals(NamedTuple):
    """Sums over the returns of P samples of n returns each.

    Attributes
    ----------
    n : returns in each sample.
    growth : (P,) wealth at the end as a multiple of that at the start.
    mean : (P,) of the returns.
    squares : (P,) sum of the squares of the returns around their mean.
    downside : (P,) sum of the squared shortfalls of returns below the risk-free rate of a period.
    extreme : (P,) the largest absolute return.
    drawdown : (P,) lowest of wealth / highest wealth so far - 1, the start included.
    traded : (P,) sum over the periods of the value traded / account before.
    tails : by share of the returns, (P, 2) their historical quantile and the mean of those at or below it.
    periods_per_year, risk_free : as in :class:`~risk.measures.base.Sample`.
    """

    n: int
    growth: Vector
    mean: Vector
    squares: Vector
    downside: Vector
    extreme: Vector
    drawdown: Vector
    traded: Vector
    tails: Mapping[float, npt.NDArray[np.float64]]
    periods_per_year: float
    risk_free: float

    @property
    def rounding(self) -> Vector:
        """(P,) deviations that count as 0, by the rule of :func:`~risk.returns.is_rounding`."""
        return np.asarray(ROUNDING * (1.0 + self.extreme))

    @property
    def rate(self) -> float:
        """The risk-free rate of a period, as :func:`~risk.returns.excess` takes it off."""
        return period_rate(self.risk_free, self.periods_per_year)

    @property
    def years(self) -> float:
        """The span in years."""
        return self.n / self.periods_per_year


class Estimates(NamedTuple):
    """A measure of many samples.

    Attributes
    ----------
    values : (P,) NaN where the measure is undefined.
    reasons : masks of the undefined samples with the reason; a sample's reason is the first that holds for it.
    """

    values: Vector
    reasons: tuple[tuple[Flags, str], ...]


def estimates(values: Vector, *undefined: tuple[Flags | bool, str]) -> Estimates:
    """Values with NaN where one of the conditions holds, or where they are not finite.

    >>> estimates(np.array([1.0, 2.0, np.inf]), (np.array([True, False, False]), "too few")).values
    array([nan,  2., nan])
    """
    defined = np.array(values, dtype=np.float64)
    reasons = []
    finite = np.isfinite(defined)
    for mask, text in (*undefined, (~finite, "the returns are too large to compute with")):
        # Counting is the fastest test of a mask where samples are few.
        if mask is not False and np.count_nonzero(mask):
            reasons.append((np.broadcast_to(np.asarray(mask), defined.shape), text))
            defined[mask] = np.nan
    return Estimates(defined, tuple(reasons))


def too_short(totals: Totals, minimum: float) -> tuple[bool, str]:
    """The condition of fewer than ``minimum`` returns."""
    return totals.n < minimum, f"needs {minimum:g} or more returns, has {totals.n}"
