"""A broker that closes the positions in feeds that have ended."""

import math
from collections import deque
from typing import Any

import backtrader as bt

from risk.delisting import DELISTED

from .interest_broker import InterestBroker


class EndingBroker(InterestBroker):
    """Closes the positions in feeds that have ended; which and when is for its caller to know.

    Parameters
    ----------
    ends : by the name of a feed that has ended, backtrader's number of the time at which a position in it is closed.
    delisting_return : from the feed's last close to the price at which that happens.

    Attributes
    ----------
    settled : references of the orders that closed a position in a feed that had ended.
    reasons : by order reference: why the order was trimmed, rejected or cancelled.
    """

    params: tuple[tuple[str, Any], ...] = (("ends", {}), ("delisting_return", 0.0))

    def init(self) -> None:
        """Begin an empty account."""
        super().init()
        self.pending: deque[Any]
        self.settled: set[int] = set()
        self.reasons: dict[int, str] = {}
        self._owners: dict[Any, Any] = {}

    def note_owner(self, order: Any) -> None:
        """Remember whose position an order's feed has."""
        self._owners[order.data] = order.owner

    def after_orders(self) -> None:
        """Close the positions in feeds that have ended, and value the account anew."""
        if self._close_ended():
            self._get_value()

    def _close_ended(self) -> bool:
        """Close the positions in feeds that are taken as ended now; True if there was one."""
        if not self.p.ends or not self._fresh:
            return False
        now = max(data.datetime[0] for data in self._fresh)
        ended = [
            data
            for data, position in self.positions.items()
            if position.size and self.p.ends.get(data._name, math.inf) <= now
        ]
        for data in ended:
            self._settle(data, now)
        return bool(ended)

    def _settle(self, data: Any, now: float) -> None:
        """Close a position at the feed's last close and its delisting return, and take back what waits for the feed."""
        waiting = [order for order in self.pending if order.data is data]
        order = self._closing_order(data, self.positions[data].size)
        order.created.dt = now
        self._ocoize(order, None)
        order.submit(self)
        order.addcomminfo(self.getcommissioninfo(data))
        order.accept(self)
        self.orders.append(order)
        self.settled.add(order.ref)
        self.reasons.update(dict.fromkeys([order.ref, *(item.ref for item in waiting)], DELISTED))
        for item in waiting:
            self.cancel(item)
        price = self._quoted = data.close[0] * (1.0 + self.p.delisting_return)
        self._execute(order, ago=0, price=price, dtcoc=now)

    def _closing_order(self, data: Any, size: float) -> Any:
        """A market order for the whole position, by the strategy that opened it."""
        kind = bt.order.SellOrder if size > 0 else bt.order.BuyOrder
        return kind(owner=self._owners[data], data=data, size=abs(size), exectype=bt.Order.Market)
