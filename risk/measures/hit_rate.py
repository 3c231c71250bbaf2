"""Hit rate: the share of days that gained."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns

from .base import Estimate, Measure, Sample, Unit, defined, too_few


def hit_rate(returns: npt.ArrayLike) -> Estimate:
    """The share of periods whose return is above 0; one of exactly 0, such as a day out of the market, is no hit.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A fraction from 0 to 1. Undefined without returns.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    >>> hit_rate([0.01, 0.0, -0.01, 0.02]).value
    0.5
    """
    values = checked_returns(returns)
    if len(values) < 1:
        return too_few(values, 1)
    return defined(float(np.mean(values > 0.0)))


class HitRate(Measure):
    """Hit rate: the share of all days, flat ones included, that gained."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per session"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "returns above 0 / all returns"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`hit_rate` of the sample."""
        return hit_rate(sample.returns)
