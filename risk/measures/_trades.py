"""Checks that measures of trades share."""

import math

import numpy.typing as npt

from core.types import Vector
from risk.returns import checked_numbers


def checked_trades(trades: npt.ArrayLike) -> Vector:
    """A read-only float64 copy of net results of trades: (K,) finite numbers, account currency.

    Raises
    ------
    DataError
        As in :func:`~risk.returns.checked_numbers`.
    """
    return checked_numbers(trades, "trades", minimum=-math.inf)
