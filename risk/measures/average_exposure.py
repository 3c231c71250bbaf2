"""Average exposure: the mean share of the account that was invested."""

from typing import ClassVar

import numpy.typing as npt

from risk.returns import checked_numbers

from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


def average_exposure(exposure: npt.ArrayLike) -> Estimate:
    """The mean gross exposure of the sessions.

    Parameters
    ----------
    exposure : (T,) sum of abs(position value) / account value of each session, at least 0: the mean at the closes of
        its bars. NaN is an error.

    Returns
    -------
    A fraction of the account, 0 or more. Undefined without sessions.

    Raises
    ------
    DataError
        NaN, infinity, or an exposure below 0.

    >>> average_exposure([0.0, 0.5, 1.0]).value
    0.5
    """
    values = checked_numbers(exposure, "exposure", minimum=0.0)
    return defined(float(values.mean())) if len(values) else too_few(values, 1)


class AverageExposure(Measure):
    """Average exposure: the mean share of the account that was invested."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "whole span"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "mean over the sessions of the mean of sum(abs(position value)) / account value at their closes"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`average_exposure` of the sample."""
        if sample.exposure is None:
            return undefined("needs the exposure of each session")
        return average_exposure(sample.exposure)
