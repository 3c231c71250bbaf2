"""SQN: the system quality number."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from core.types import Vector
from risk.returns import ROUNDING

from ._trades import checked_trades
from .base import FEW_TRADES, FEW_TRADES_TEXT, NO_TRADES, Estimate, TradeMeasure, Unit, defined, undefined


def sqn(trades: npt.ArrayLike) -> Estimate:
    """The mean result of a trade over its standard error: the t statistic of the trades.

    Parameters
    ----------
    trades : (K,) net results of closed trades, account currency. NaN is an error.

    Returns
    -------
    A ratio; flagged for fewer than 30 trades. Undefined for fewer than 2 trades and for results that do not vary.

    Raises
    ------
    DataError
        NaN or infinity.

    References: Tharp (2008), *The Definitive Guide to Position Sizing Strategies*, chapter 2. backtrader's analyzer of
    this name divides by the deviation with ddof = 0.

    >>> round(sqn([2.0, 4.0, 6.0]).value, 12)
    3.464101615138
    """
    values = checked_trades(trades)
    if not len(values):
        return NO_TRADES
    if len(values) < 2:
        return undefined(f"needs 2 or more trades, has {len(values)}")
    deviation = values.std(ddof=1)
    if deviation <= ROUNDING * abs(values).max():
        return undefined("the results of the trades do not vary")
    few = len(values) < FEW_TRADES
    return defined(float(np.sqrt(len(values)) * values.mean() / deviation), *[FEW_TRADES_TEXT] * few)


class Sqn(TradeMeasure):
    """SQN: how far the mean trade lies from 0, in its standard errors."""

    unit: ClassVar[Unit] = "ratio"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "sqrt(trades) x mean / standard deviation (ddof 1) of the net results"

    def of_trades(self, trades: Vector) -> Estimate:
        """:func:`sqn` of the trades."""
        return sqn(trades)
