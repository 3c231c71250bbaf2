"""Entries otherwise than at the next open: their prices, and those that wait."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import backtrader as bt

from core.errors import ConfigError
from core.types import Vector
from risk.stops import Atr
from strategies._entry_order import EntryOrder, entry_price, offset_at

EXECTYPES = {"limit": bt.Order.Limit, "stop": bt.Order.Stop, "close": bt.Order.Close}
EVERY_BAR = 0.0
"""An end of the session that lies before every bar: each bar then ends one for backtrader's close orders."""


def expired(bars: int) -> str:
    """The reason of an entry that waited in vain.

    >>> expired(1)
    'expired: its price was not reached in 1 bar'
    """
    return f"expired: its price was not reached in {bars} bar{'s' if bars > 1 else ''}"


@dataclass(slots=True)
class WaitingEntry:
    """An entry that waits for its price: the order, its side, and the bars in which it may still fill."""

    order: Any
    side: int
    bars_left: int


class EntryOrders:
    """The entries of a strategy that do not fill at the next open; of market orders it does nothing.

    Parameters
    ----------
    spec : of the orders; None for market orders.
    offsets : by feed (T,): distances of the price from each close; needed for multiples of the average true range.
    cancel : cancels an order.
    """

    def __init__(self, spec: EntryOrder | None, offsets: Mapping[Any, Vector], cancel: Callable[[Any], Any]) -> None:
        if spec is not None and isinstance(spec.offset, Atr) and not offsets:
            raise ConfigError(
                "entry_order: its offset is a multiple of the average true range; give the parameter `offsets`: by the "
                "feed's name, EntryOrder.distances of its bars"
            )
        self.spec = spec
        self._offsets = offsets
        self._cancel = cancel
        self._waiting: dict[Any, WaitingEntry] = {}

    def price(self, data: Any, side: int) -> float:
        """The price of an entry's order, at which it is sized; the close, for a market order."""
        close = float(data.close[0])
        if self.spec is None:
            return close
        distance = offset_at(self.spec, close, self._offsets.get(data), len(data) - 1)
        return entry_price(self.spec.number, side, close, distance)

    def terms(self, price: float) -> dict[str, Any]:
        """The arguments of ``buy`` or ``sell`` for an order at its price."""
        if self.spec is None:
            return {}
        return {"exectype": EXECTYPES[self.spec.kind], **({"price": price} if self.spec.has_price else {})}

    def add(self, data: Any, order: Any, side: int) -> None:
        """Let an entry that was sent wait."""
        if self.spec and order is not None:
            if order.exectype == bt.Order.Close:
                # By itself backtrader waits for the end of the day, and books the fill one bar after it.
                order.dteos = EVERY_BAR
            self._waiting[data] = WaitingEntry(order, side, self.spec.bars)

    def age(self, data: Any) -> bool:
        """Count a new bar of a feed for the entry that waits; True if it was filled in the bar.

        One that has waited through all its bars is cancelled.
        """
        entry = self._waiting.get(data)
        if self.spec is None or entry is None:
            return False
        if not entry.order.alive():
            del self._waiting[data]
            return bool(entry.order.status == bt.Order.Completed)
        entry.bars_left -= 1
        if entry.bars_left <= 0:
            del self._waiting[data]
            entry.order.addinfo(why=expired(self.spec.bars))
            self._cancel(entry.order)
        return False

    def side(self, data: Any) -> int:
        """The side of the entry of a feed that waits; 0 for none."""
        entry = self._waiting.get(data)
        return entry.side if entry is not None and entry.order.alive() else 0
