"""Orders that open a position at a price of their own: limits and stops, away from the close of the decision."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt

from core.spec import Spec
from core.types import Bars, Vector
from risk.stops import Atr, Percent

__all__ = ["LIMIT", "MARKET", "STOP", "EntryOrder", "entry_price"]

MARKET, LIMIT, STOP = range(3)
"""Kinds of entries, as numbers."""


class EntryOrder(Spec):
    """The order that opens a position, in place of a market order at the next open."""

    kind: Literal["limit", "stop"]
    """`limit`: buy below the close, sell short above it. `stop`: buy once the price has risen to a level above the
    close, sell short once it has fallen to one below."""
    offset: Annotated[Percent | Atr, Field(discriminator="kind")]
    """Distance of its price from the close of the decision: `{kind: percent, value: 0.01}`, or a multiple of the
    average true range."""
    bars: PositiveInt = 1
    """Bars of the symbol in which it may fill; then it is cancelled, and the rule may send another."""

    @property
    def number(self) -> int:
        """Its kind as a number."""
        return LIMIT if self.kind == "limit" else STOP

    def distances(self, bars: Bars) -> Vector:
        """(T,) distances of its price from each close; NaN while there is no average true range."""
        return self.offset.distances(bars)


def entry_price(number: int, side: int, close: float, distance: float) -> float:
    """The price of an entry's order: better than the close for a limit, worse for a stop.

    Parameters
    ----------
    number : ``MARKET``, ``LIMIT`` or ``STOP``; a market order is expected to fill at the close.
    side : 1 buys, -1 sells short.

    >>> [entry_price(number, 1, 100.0, 2.0) for number in (MARKET, LIMIT, STOP)]
    [100.0, 98.0, 102.0]
    """
    if number == MARKET:
        return close
    return close - side * distance if number == LIMIT else close + side * distance


def offset_at(order: EntryOrder, close: float, distances: Any, row: int) -> float:
    """The distance of an order's price at a bar.

    Parameters
    ----------
    distances : (T,) of :meth:`EntryOrder.distances`; needed for multiples of the average true range alone.
    row : of the bar.
    """
    if isinstance(order.offset, Percent):
        return close * order.offset.value
    return math.nan if distances is None else float(distances[row])
