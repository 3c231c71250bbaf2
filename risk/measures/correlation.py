"""Correlation with the benchmark."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import is_rounding

from ._benchmark_pairs import checked_pair
from .base import NO_BENCHMARK, Estimate, Measure, Sample, Unit, defined, undefined


@np.errstate(over="ignore", invalid="ignore")
def correlation(returns: npt.ArrayLike, benchmark: npt.ArrayLike) -> Estimate:
    """Pearson's correlation of the returns with the benchmark's.

    Parameters
    ----------
    returns, benchmark : (T,) simple returns of the same periods, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A ratio from -1 to 1. Undefined for fewer than 2 returns and where one of them does not vary.

    Raises
    ------
    DataError
        NaN, infinity, a return below -1, or different lengths.

    >>> round(correlation([0.02, -0.01, 0.02, -0.01], [-0.04, 0.02, -0.04, 0.02]).value, 12)
    -1.0
    """
    pair = checked_pair(returns, benchmark, 1.0, 0.0)
    if isinstance(pair, Estimate):
        return pair
    portfolio, reference = (values - values.mean() for values in pair)
    if is_rounding(portfolio.std(), pair[0]):
        return undefined("the returns do not vary")
    ratio = float(portfolio @ reference / np.sqrt((portfolio @ portfolio) * (reference @ reference)))
    return defined(max(-1.0, min(1.0, ratio)))


class Correlation(Measure):
    """Correlation: how closely the returns move with the benchmark's."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per session"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "covariance with the benchmark's returns / product of the standard deviations"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`correlation` of the sample."""
        return NO_BENCHMARK if sample.benchmark is None else correlation(sample.returns, sample.benchmark)
