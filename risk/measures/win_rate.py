"""Win rate: the share of trades that gained."""

from typing import ClassVar

import numpy.typing as npt

from core.types import Vector

from ._trades import checked_trades
from .base import NO_TRADES, Estimate, TradeMeasure, Unit, defined


def win_rate(trades: npt.ArrayLike) -> Estimate:
    """The share of trades with a gain; a trade that broke even is none.

    Parameters
    ----------
    trades : (K,) net results of closed trades, account currency. NaN is an error.

    Returns
    -------
    A fraction from 0 to 1. Undefined without trades.

    Raises
    ------
    DataError
        NaN or infinity.

    >>> win_rate([30.0, -10.0, 0.0, 5.0]).value
    0.5
    """
    values = checked_trades(trades)
    if not len(values):
        return NO_TRADES
    return defined(float((values > 0.0).mean()))


class WinRate(TradeMeasure):
    """Win rate: the share of the trades that made money."""

    unit: ClassVar[Unit] = "fraction"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "trades with a gain / all closed trades; one that broke even is no gain"

    def of_trades(self, trades: Vector) -> Estimate:
        """:func:`win_rate` of the trades."""
        return win_rate(trades)
