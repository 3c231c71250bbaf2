"""Beta: the slope of the returns on the benchmark's."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ._benchmark_pairs import checked_pair, slope
from .base import NO_BENCHMARK, Estimate, Measure, Sample, Unit, defined


@np.errstate(over="ignore", invalid="ignore")
def beta(returns: npt.ArrayLike, benchmark: npt.ArrayLike, periods_per_year: float, risk_free: float = 0.0) -> Estimate:
    """The slope of the regression of excess returns on the benchmark's.

    Parameters
    ----------
    returns, benchmark : (T,) simple returns of the same periods, fractions (0.01 is 1 %). NaN is an error.
    periods_per_year : periods in a year, above 0.
    risk_free : annual rate, taken to one period geometrically.

    Returns
    -------
    A ratio: 1 moves with the benchmark, 0 not at all. Undefined for fewer than 2 returns and for a benchmark that
    does not vary.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, or different lengths.
    ConfigError
        An impossible number of periods or rate.

    References: Sharpe (1964), *Capital asset prices*, footnote 22.

    >>> beta([0.02, -0.01, 0.02, -0.01], [0.04, -0.02, 0.04, -0.02], periods_per_year=252).value
    0.5
    """
    pair = checked_pair(returns, benchmark, periods_per_year, risk_free)
    return pair if isinstance(pair, Estimate) else defined(slope(*pair))


class Beta(Measure):
    """Beta: the slope of the returns on the benchmark's."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per session"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "covariance with the benchmark's excess returns / their variance"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`beta` of the sample."""
        if sample.benchmark is None:
            return NO_BENCHMARK
        return beta(sample.returns, sample.benchmark, sample.periods_per_year, sample.risk_free)
