"""Skewness: which side of the returns has the longer tail."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, is_rounding

from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


@np.errstate(over="ignore", invalid="ignore")
def skew(returns: npt.ArrayLike) -> Estimate:
    """The third standardised moment of returns, adjusted for the size of the sample.

    ``g = m3 / m2 ** 1.5`` from the central moments (divided by T), times ``sqrt(T (T - 1)) / (T - 2)``: the estimator
    of pandas and of quantstats. Below 0 the losses have the longer tail; a normal law has 0.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A ratio. Undefined for fewer than 3 returns and for returns that do not vary.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    References: Joanes and Gill (1998), *Comparing measures of sample skewness and kurtosis*, where it is G1.

    >>> round(skew([0.0, 0.0, 0.03]).value, 12)  # g = 1 / sqrt(2), times sqrt(6)
    1.732050807569
    """
    values = checked_returns(returns)
    n = len(values)
    if n < 3:
        return too_few(values, 3)
    deviations = values - values.mean()
    if is_rounding(values.std(), values):
        return undefined("the returns do not vary")
    ratio = np.mean(deviations**3) / np.mean(deviations**2) ** 1.5
    return defined(ratio * np.sqrt(n * (n - 1)) / (n - 2))


class Skew(Measure):
    """Skewness: below 0 the losses have the longer tail, above 0 the gains; 0 for a normal law."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per session"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "m3 / m2 ^ 1.5 of the returns' central moments x sqrt(n (n - 1)) / (n - 2)"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`skew` of the sample."""
        return skew(sample.returns)
