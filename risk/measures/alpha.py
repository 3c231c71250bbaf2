"""Alpha: the return beyond beta times the benchmark's."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ._benchmark_pairs import checked_pair, slope
from .base import NO_BENCHMARK, Estimate, Measure, Sample, Unit, defined


@np.errstate(over="ignore", invalid="ignore")
def alpha(
    returns: npt.ArrayLike, benchmark: npt.ArrayLike, periods_per_year: float, risk_free: float = 0.0
) -> Estimate:
    """Jensen's alpha: the intercept of the regression of excess returns on the benchmark's, annualised by multiplying.

    Parameters
    ----------
    returns, benchmark : (T,) simple returns of the same periods, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0.
    risk_free : annual rate, taken to one period geometrically.

    Returns
    -------
    A fraction per year. Undefined for fewer than 2 returns and for a benchmark that does not vary. An alpha of the
    full benchmark ignores the risk taken: an account that is 1 % invested has an alpha of the order of 1 %.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, or different lengths.
    ConfigError
        An impossible number of periods or rate.

    References: Jensen (1968), *The performance of mutual funds in the period 1945-1964*, eq. 8.

    >>> round(alpha([0.03, 0.0, 0.03, 0.0], [0.04, -0.02, 0.04, -0.02], periods_per_year=10).value, 12)
    0.1
    """
    pair = checked_pair(returns, benchmark, periods_per_year, risk_free)
    if isinstance(pair, Estimate):
        return pair
    portfolio, reference = pair
    return defined(float(portfolio.mean() - slope(portfolio, reference) * reference.mean()) * periods_per_year)


class Alpha(Measure):
    """Alpha: the yearly return beyond beta times the benchmark's (Jensen)."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "(mean excess return - beta x mean excess return of the benchmark) x periods per year"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`alpha` of the sample."""
        if sample.benchmark is None:
            return NO_BENCHMARK
        return alpha(sample.returns, sample.benchmark, sample.periods_per_year, sample.risk_free)
