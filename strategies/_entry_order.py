"""Orders that open a position otherwise than at the next open: limits, stops, and orders at the next close."""

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from core.spec import Spec
from core.types import Bars, Vector
from risk.stops import Atr, Percent

__all__ = ["LIMIT", "MARKET", "NEXT_CLOSE", "STOP", "EntryOrder", "entry_price"]

MARKET, LIMIT, STOP, NEXT_CLOSE = range(4)
"""Kinds of entries, as numbers."""


NUMBERS = {"limit": LIMIT, "stop": STOP, "close": NEXT_CLOSE}


def _is_none(value: object) -> bool:
    return value is None


class EntryOrder(Spec):
    """The order that opens a position, in place of a market order at the next open."""

    kind: Literal["limit", "stop", "close"]
    """`limit`: buy below the close, sell short above it. `stop`: buy once the price has risen to a level above the
    close, sell short once it has fallen to one below. `close`: at the close of the symbol's next bar."""
    offset: Annotated[Annotated[Percent | Atr, Field(discriminator="kind")] | None, Field(exclude_if=_is_none)] = None
    """Of a limit or a stop, the distance of its price from the close of the decision: `{kind: percent, value: 0.01}`,
    or a multiple of the average true range."""
    bars: PositiveInt = 1
    """Bars of the symbol in which a limit or a stop may fill; then it is cancelled, and the rule may send another."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.kind == "close" and self.offset is not None:
            raise _wrong("kind close fills at the next close, whatever its price: leave out offset", "offset")
        if self.kind == "close" and self.bars != 1:
            raise _wrong("kind close fills at the close of the next bar: leave out bars", "bars")
        if self.kind != "close" and self.offset is None:
            raise _wrong(f"kind {self.kind} needs an offset, such as {{kind: percent, value: 0.01}}", "offset")
        return self

    @property
    def number(self) -> int:
        """Its kind as a number."""
        return NUMBERS[self.kind]

    @property
    def has_price(self) -> bool:
        """True if it waits for a price of its own."""
        return self.offset is not None

    def distances(self, bars: Bars) -> Vector:
        """(T,) distances of its price from each close; NaN while there is no average true range; 0 without a price."""
        return np.zeros(len(bars)) if self.offset is None else self.offset.distances(bars)


def _wrong(text: str, key: str) -> PydanticCustomError:
    return PydanticCustomError("entry_order", text, {"path": [key]})


def entry_price(number: int, side: int, close: float, distance: float) -> float:
    """The price of an entry's order: better than the close for a limit, worse for a stop.

    Parameters
    ----------
    number : ``MARKET``, ``LIMIT``, ``STOP`` or ``NEXT_CLOSE``; the first and the last have no price of their own, and
        are expected to fill at the close of the decision.
    side : 1 buys, -1 sells short.
    distance : of :meth:`EntryOrder.distances`: 0 for ``NEXT_CLOSE``.

    >>> [entry_price(number, 1, 100.0, 2.0) for number in (MARKET, LIMIT, STOP)]
    [100.0, 98.0, 102.0]
    >>> entry_price(NEXT_CLOSE, 1, 100.0, 0.0)
    100.0
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
    if order.offset is None:
        return 0.0
    if isinstance(order.offset, Percent):
        return close * order.offset.value
    return math.nan if distances is None else float(distances[row])
