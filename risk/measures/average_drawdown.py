"""Average drawdown: the mean depth of the falls below an earlier peak."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ._drawdowns import checked_stretches
from .base import Estimate, Measure, Sample, Unit, defined


@np.errstate(over="ignore", invalid="ignore")
def average_drawdown(returns: npt.ArrayLike) -> Estimate:
    """The mean depth of all drawdowns, each from its peak to its lowest point.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.

    Returns
    -------
    A fraction, 0 or negative; 0 without a drawdown. Undefined without returns.

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.

    >>> round(average_drawdown([0.1, -0.5, 1.0, -0.2]).value, 12)
    -0.35
    """
    drawdowns = checked_stretches(returns)
    if isinstance(drawdowns, Estimate):
        return drawdowns
    return defined(float(drawdowns.depth.mean()) if len(drawdowns.depth) else 0.0)


class AverageDrawdown(Measure):
    """Average drawdown: the mean depth of all falls below an earlier peak."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "mean over the drawdowns of lowest wealth / wealth at the peak - 1"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`average_drawdown` of the sample."""
        return average_drawdown(sample.returns)
