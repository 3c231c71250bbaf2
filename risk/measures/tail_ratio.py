"""Tail ratio: large gains over large losses."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from core.spec import Level
from risk.returns import checked_returns

from ._tail import FEW, returns_needed, tail_share
from .base import Estimate, Measure, Sample, Unit, defined, too_few, undefined


@np.errstate(over="ignore", invalid="ignore")
def tail_ratio(returns: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """The quantile of returns at ``level`` over the size of that at ``1 - level``, both with linear interpolation.

    Parameters
    ----------
    returns : (T,) simple returns per period, fractions (0.01 is 1 %). NaN is an error.
    level : between 0.5 and 1.

    Returns
    -------
    A ratio; above 1 the large gains are larger than the large losses. Undefined where ``T (1 - level) < 1``, flagged
    where that is below 10; undefined where the low quantile is no loss or the high one no gain: a ratio of two gains
    would read like one of a gain to a loss (quantstats gives it).

    Raises
    ------
    DataError
        NaN, infinity, or a return below -1.
    ConfigError
        An impossible level.

    >>> tail_ratio([-0.01, -0.01, 0.0, 0.01, 0.03, 0.03], level=0.8).value
    3.0
    """
    values = checked_returns(returns)
    share = tail_share(level)
    if len(values) < returns_needed(level, 1):
        return too_few(values, returns_needed(level, 1))
    low, high = np.quantile(values, [share, 1.0 - share], method="linear")
    if low >= 0 or high <= 0:
        return undefined("no loss at this level" if low >= 0 else "no gain at this level")
    return defined(high / -low, *[FEW] * (len(values) < returns_needed(level, 10)))


class TailRatio(Measure):
    """Tail ratio: the large gains over the large losses."""

    unit: ClassVar[Unit] = "ratio"
    period: ClassVar[str] = "per session"

    level: Level = 0.95
    """Which quantiles count as large, between 0.5 and 1; 0.95 takes the best and the worst 5 % of returns."""

    @property
    def name(self) -> str:
        """The kind with the level in percent."""
        return f"{self.kind}_{100 * self.level:.10g}"

    @property
    def formula(self) -> str:
        """The computation in words."""
        high = 100 * self.level
        low = 100 * tail_share(self.level)
        return f"{high:.10g} % quantile / abs({low:.10g} % quantile) of the returns, linear interpolation"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`tail_ratio` of the sample."""
        return tail_ratio(sample.returns, self.level)
