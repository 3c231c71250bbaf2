"""Many samples at once, of each of which only sums are known: how a sweep measures without keeping every return."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from core.types import Vector
from risk.periods import period_rate
from risk.returns import ROUNDING

Flags: TypeAlias = npt.NDArray[np.bool_]


class Totals(NamedTuple):
    """What is known of P samples of n returns each.

    Attributes
    ----------
    n : returns of each.
    growth : (P,) wealth at the end as a multiple of that at the start.
    mean : (P,) of the returns.
    squares : (P,) sum of the squares of the returns around their mean.
    downside : (P,) sum of the squares of what returns lack to the risk-free rate of a period.
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
        """(P,) deviations up to which returns do not vary, as :func:`~risk.returns.is_rounding` has it."""
        return np.asarray(ROUNDING * (1.0 + self.extreme))

    @property
    def rate(self) -> float:
        """The risk-free rate of a period, as :func:`~risk.returns.excess` takes it off."""
        return period_rate(self.risk_free, self.periods_per_year)

    @property
    def years(self) -> float:
        """The span."""
        return self.n / self.periods_per_year


class Estimates(NamedTuple):
    """A measure of many samples.

    Attributes
    ----------
    values : (P,) NaN where the measure is undefined.
    reasons : which are undefined, and why; the first that holds for a sample is its reason.
    """

    values: Vector
    reasons: tuple[tuple[Flags, str], ...]


def estimates(values: Vector, *undefined: tuple[Flags | bool, str]) -> Estimates:
    """Values with NaN where one of the conditions holds, or where they are not finite.

    >>> estimates(np.array([1.0, 2.0, np.inf]), (np.array([True, False, False]), "too few")).values
    array([nan,  2., nan])
    """
    made, reasons = np.array(values, dtype=np.float64), []
    finite = np.isfinite(made)
    for mask, text in (*undefined, (~finite, "the returns are too large to compute with")):
        # Counted, because of few samples that takes the least.
        if mask is not False and np.count_nonzero(mask):
            reasons.append((np.broadcast_to(np.asarray(mask), made.shape), text))
            made[mask] = np.nan
    return Estimates(made, tuple(reasons))


def too_short(totals: Totals, least: float) -> tuple[bool, str]:
    """The condition of fewer than ``least`` returns."""
    return totals.n < least, f"needs {least:g} or more returns, has {totals.n}"
