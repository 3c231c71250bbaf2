"""Information ratio: active return per tracking error."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import is_rounding

from ._benchmark_pairs import checked_pair
from .base import NO_BENCHMARK, Estimate, Measure, Sample, Unit, defined, undefined


@np.errstate(over="ignore", invalid="ignore")
def information_ratio(
    returns: npt.ArrayLike,
    benchmark: npt.ArrayLike,
    periods_per_year: float,
    risk_free: float = 0.0,
    *,
    equal_volatility: bool = False,
) -> Estimate:
    """The mean difference to the benchmark over the deviation of that difference, annualised.

    Parameters
    ----------
    returns, benchmark : (T,) simple returns of the same periods, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0.
    risk_free : annual rate, taken to one period geometrically.
    equal_volatility : first bring the excess returns to the benchmark's deviation. Without it an account that is 1 %
        invested is judged by what the benchmark earned on the other 99 %.

    Returns
    -------
    A ratio; ddof = 1. Undefined for fewer than 2 returns, where one series does not vary, and where the difference
    does not.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, or different lengths.
    ConfigError
        An impossible number of periods or rate.

    References: Goodwin (1998), *The information ratio*, eq. 1 to 4.

    >>> round(information_ratio([0.02, 0.0, 0.02, 0.0], [0.0, 0.0, 0.02, -0.02], periods_per_year=3).value, 12)
    1.5
    """
    pair = checked_pair(returns, benchmark, periods_per_year, risk_free)
    if isinstance(pair, Estimate):
        return pair
    portfolio, reference = pair
    if equal_volatility:
        if is_rounding(portfolio.std(), portfolio):
            return undefined("the returns do not vary")
        portfolio = portfolio * (reference.std(ddof=1) / portfolio.std(ddof=1))
    active = portfolio - reference
    if is_rounding(active.std(), portfolio):
        return undefined("the returns differ from the benchmark's by a constant")
    return defined(float(active.mean() / active.std(ddof=1) * np.sqrt(periods_per_year)))


class InformationRatio(Measure):
    """Information ratio: yearly active return per tracking error."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per year"

    equal_volatility: bool = False
    """Bring the returns to the benchmark's volatility first: the size of the positions then plays no part."""

    @property
    def name(self) -> str:
        """The kind, with ``_at_equal_volatility`` where that is set."""
        return f"{self.kind}_at_equal_volatility" if self.equal_volatility else self.kind

    @property
    def formula(self) -> str:
        """The computation in words."""
        scaled = ", scaled to the benchmark's deviation," if self.equal_volatility else ""
        return (
            f"mean of (excess return{scaled} - benchmark's) / its standard deviation (ddof 1) x sqrt(periods per year)"
        )

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`information_ratio` of the sample."""
        if sample.benchmark is None:
            return NO_BENCHMARK
        return information_ratio(
            sample.returns,
            sample.benchmark,
            sample.periods_per_year,
            sample.risk_free,
            equal_volatility=self.equal_volatility,
        )
