"""Expectancy: the mean net result of a trade."""

from typing import ClassVar

import numpy.typing as npt

from core.types import Vector

from ._trades import checked_trades
from .base import NO_TRADES, Estimate, TradeMeasure, Unit, defined


def expectancy(trades: npt.ArrayLike) -> Estimate:
    """The mean net result of a trade.

    Parameters
    ----------
    trades : (K,) net results of closed trades, account currency. NaN is an error.

    Returns
    -------
    Account currency per trade. Undefined without trades.

    Raises
    ------
    DataError
        NaN or infinity.

    References: Tharp (1998), *Trade Your Way to Financial Freedom*, chapter 6, there in multiples of the risk taken.

    >>> expectancy([30.0, -10.0, -5.0]).value
    5.0
    """
    values = checked_trades(trades)
    if not len(values):
        return NO_TRADES
    return defined(float(values.mean()))


class Expectancy(TradeMeasure):
    """Expectancy: the mean net result of a trade."""

    unit: ClassVar[Unit] = "money"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "mean net result of the closed trades, costs paid"

    def of_trades(self, trades: Vector) -> Estimate:
        """:func:`expectancy` of the trades."""
        return expectancy(trades)
