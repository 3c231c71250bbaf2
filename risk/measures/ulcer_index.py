"""Ulcer index: the root mean square of the drawdown over all sessions."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from risk.returns import checked_returns

from ._drawdowns import under_water
from .base import Estimate, Measure, Sample, Unit, defined, too_few


@np.errstate(over="ignore", invalid="ignore")
def ulcer_index(returns: npt.ArrayLike) -> Estimate:
    """The root mean square, over all periods, of the drawdown from the highest wealth so far.

    The start counts as a peak, as in :func:`~risk.measures.max_drawdown.max_drawdown`. quantstats divides by T - 1.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A fraction from 0 (never below an earlier peak) to 1. Undefined without returns.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    References: Martin and McCann (1989), *The Investor's Guide to Fidelity Funds*, which gives it in per cent.

    >>> round(ulcer_index([0.0, -0.5, 1.0, 0.0]).value, 12)  # drawdowns 0, 0.5, 0, 0
    0.25
    """
    values = checked_returns(returns)
    if len(values) < 1:
        return too_few(values, 1)
    return defined(np.sqrt(np.mean(under_water(values) ** 2)))


class UlcerIndex(Measure):
    """Ulcer index: the root mean square of the drawdowns, deep and long ones alike."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "square root of the mean of (wealth / highest wealth so far - 1) ^ 2"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`ulcer_index` of the sample."""
        return ulcer_index(sample.returns)
