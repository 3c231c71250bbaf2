"""Turnover: the value traded per year as a multiple of the account."""

from typing import ClassVar

import numpy.typing as npt

from risk.returns import checked_numbers, checked_year

from ._running_totals import Estimates, Totals, estimates, too_short
from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


def turnover(traded: npt.ArrayLike, periods_per_year: float) -> Estimate:
    """The value traded in a year, bought and sold together, as a multiple of the account.

    Parameters
    ----------
    traded : (T,) sum of abs(units) x price of each period's fills / account before it, at least 0. NaN is an error.
    periods_per_year : periods in a year, above 0.

    Returns
    -------
    A ratio per year, 0 or more: 2 is every unit of the account bought and sold once. Undefined without periods.

    Raises
    ------
    DataError
        NaN, infinity, or a value below 0.
    ConfigError
        An impossible number of periods.

    >>> turnover([0.5, 0.0, 0.1, 0.0], periods_per_year=20)
    Estimate(value=3.0, reason='', flags=())
    """
    values = checked_numbers(traded, "traded", minimum=0.0)
    checked_year(periods_per_year)
    return defined(float(values.mean() * periods_per_year)) if len(values) else too_few(values, 1)


class Turnover(Measure):
    """Turnover: the value traded in a year as a multiple of the account."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per year"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "mean of sum(abs(units) x price) of a session / account before it x sessions a year"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`turnover` of the sample."""
        if sample.traded is None:
            return undefined("needs the value traded in each session")
        return turnover(sample.traded, sample.periods_per_year)

    def from_totals(self, totals: Totals) -> Estimates:
        """The turnover of each sample."""
        return estimates(totals.traded / max(totals.n, 1) * totals.periods_per_year, too_short(totals, 1))
