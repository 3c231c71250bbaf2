"""Excess kurtosis: the weight of the returns' tails compared with those of a normal law."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns, is_rounding

from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


@np.errstate(over="ignore", invalid="ignore")
def kurtosis(returns: npt.ArrayLike) -> Estimate:
    """The fourth standardised moment of returns above that of a normal law, adjusted for the size of the sample.

    ``g = m4 / m2 ** 2 - 3`` from the central moments (divided by T), then
    ``(T - 1) / ((T - 2) (T - 3)) ((T + 1) g + 6)``: the estimator of pandas and of quantstats. It is **excess**
    kurtosis: a normal law has 0, not 3.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A ratio. Undefined for fewer than 4 returns and for returns that do not vary.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    References: Joanes and Gill (1998), *Comparing measures of sample skewness and kurtosis*, where it is G2.

    >>> round(kurtosis([0.01, -0.01, 0.01, -0.01]).value, 12)  # g = -2; 3 / 2 x (5 x -2 + 6)
    -6.0
    """
    values = checked_returns(returns)
    n = len(values)
    if n < 4:
        return too_few(values, 4)
    deviations = values - values.mean()
    if is_rounding(values.std(), values):
        return undefined("the returns do not vary")
    ratio = np.mean(deviations**4) / np.mean(deviations**2) ** 2 - 3.0
    return defined((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ratio + 6.0))


class Kurtosis(Measure):
    """Excess kurtosis: above 0 the tails are fatter than those of a normal law, which has 0."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per session"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "excess: g = m4 / m2 ^ 2 - 3 of the central moments, (n - 1) / ((n - 2) (n - 3)) x ((n + 1) g + 6)"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`kurtosis` of the sample."""
        return kurtosis(sample.returns)
