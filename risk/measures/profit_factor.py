"""Profit factor: gross gains over gross losses."""

from typing import ClassVar

import numpy.typing as npt

from core.types import Vector

from ._trades import checked_trades
from .base import NO_TRADES, Estimate, TradeMeasure, Unit, defined, undefined


def profit_factor(trades: npt.ArrayLike) -> Estimate:
    """The sum of the winning trades over the size of the sum of the losing ones.

    Parameters
    ----------
    trades : (K,) net results of closed trades, account currency. NaN is an error.

    Returns
    -------
    A ratio; above 1 the trades earned money. Undefined without trades and without a losing one.

    Raises
    ------
    DataError
        NaN or infinity.

    >>> profit_factor([30.0, -10.0, -5.0]).value
    2.0
    """
    values = checked_trades(trades)
    if not len(values):
        return NO_TRADES
    losses = values[values < 0.0].sum()
    if losses == 0.0:
        return undefined("no trade lost money")
    return defined(float(values[values > 0.0].sum() / -losses))


class ProfitFactor(TradeMeasure):
    """Profit factor: the gains of all trades over their losses."""

    unit: ClassVar[Unit] = "ratio"

    @property
    def formula(self) -> str:
        """The computation in words."""
        return "sum of the winning trades / abs(sum of the losing trades)"

    def of_trades(self, trades: Vector) -> Estimate:
        """:func:`profit_factor` of the trades."""
        return profit_factor(trades)
