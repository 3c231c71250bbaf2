"""Cost drag: the yearly return that costs took."""

import math
from typing import ClassVar

import numpy.typing as npt

from risk.returns import checked_numbers, checked_year

from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


def cost_drag(costs: npt.ArrayLike, periods_per_year: float) -> Estimate:
    """The return that costs took in a year.

    Parameters
    ----------
    costs : (T,) costs of each period / account before it, fractions; negative where more was earned. NaN is an error.
    periods_per_year : periods in a year, above 0.

    Returns
    -------
    A fraction per year; above 0 it was paid. Undefined without periods.

    Raises
    ------
    DataError
        NaN or infinity.
    ConfigError
        An impossible number of periods.

    >>> cost_drag([0.001, 0.0, 0.001, 0.0], periods_per_year=20)
    Estimate(value=0.01, reason='', flags=())
    """
    values = checked_numbers(costs, "costs", minimum=-math.inf)
    checked_year(periods_per_year)
    return defined(float(values.mean() * periods_per_year)) if len(values) else too_few(values, 1)


class CostDrag(Measure):
    """Cost drag: the return that commission, slippage, impact and short interest took in a year."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "mean of a session's costs / account before it x sessions a year"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`cost_drag` of the sample."""
        if sample.costs is None:
            return undefined("needs the costs of each session")
        return cost_drag(sample.costs, sample.periods_per_year)
