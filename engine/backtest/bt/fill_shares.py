"""The share of the account in a position after each fill, under any broker, and the audit of orders that shows it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from risk.bt_adapter.audit_analyzer import RiskAudit, kind_of


def multiplier_of(broker: Any, data: Any) -> float:
    """The value of one unit of a feed at a price of 1; not 1 for futures alone."""
    info = broker.getcommissioninfo(data)
    return 1.0 if info.stocklike else float(info.p.mult)


class SharesAtFills:
    """The account before each fill, and the share of it that the fill left in the position.

    The account before a fill is its last close, with positions moved to the open of a new bar (to the close for an
    order at the close), with what was paid in since, and with the fills before it on the same bar; interest that the
    broker charges on this bar is not known yet.

    Attributes
    ----------
    by_order : by the reference of an order, the share after its last fill; NaN for an account that is worth nothing.
    """

    def __init__(self) -> None:
        self.by_order: dict[int, float] = {}

    def begin(self, broker: Any, feeds: Sequence[Any]) -> None:
        """Begin with the initial cash."""
        self._broker = broker
        self._value = float(broker.startingcash)
        self._shares = broker.get_fundshares()
        self._units = dict.fromkeys(feeds, 0.0)
        self._bars = dict.fromkeys(feeds, 0)
        self._closes = dict.fromkeys(feeds, 0.0)
        self._is_at_close = False

    def close(self, value: float, units: Mapping[Any, float]) -> None:
        """Keep the account at a close: its value, and the units held of each feed."""
        self._value = value
        self._shares = self._broker.get_fundshares()
        self._units.update(units)
        for data in units:
            if len(data):
                self._bars[data] = len(data)
                self._closes[data] = float(data.close[0])

    def add(self, order: Any, size: float, price: float) -> None:
        """Add a fill of an order; ``size`` is signed."""
        data = order.data
        multiplier = multiplier_of(self._broker, data)
        self._is_at_close = kind_of(order) == "close" and order.executed.dt >= data.datetime[0]
        value = self._value_at_fill()
        self._units[data] += size
        held = abs(self._units[data]) * price * multiplier
        self.by_order[order.ref] = held / value if value > 0 else math.nan
        commission = self._broker.getcommissioninfo(data).getcommission(size, price)
        self._value += size * multiplier * (self._mark(data) - price) - commission - self._moved(data, size)

    def _value_at_fill(self) -> float:
        shares = self._broker.get_fundshares()
        self._value *= shares / self._shares
        self._shares = shares
        return self._value + sum(self._moved(data, units) for data, units in self._units.items() if units)

    def _moved(self, data: Any, units: float) -> float:
        """The gain of some units from the last close to the mark."""
        return units * multiplier_of(self._broker, data) * (self._mark(data) - self._closes[data])

    def _mark(self, data: Any) -> float:
        """The open of a new bar, else the last close; the close for an order at the close."""
        is_at_open = len(data) > self._bars[data] and not self._is_at_close
        return float(data.open[0] if is_at_open else data.close[0])


class SharesAudit(RiskAudit):
    """The audit of orders with the share at each fill under any broker; no plain limit order is called a target.

    Parameters
    ----------
    shares : as :attr:`SharesAtFills.by_order`, filled in while the run goes on.
    """

    params = (("shares", None),)

    def _order(self, order_id: int, order: Any) -> dict[str, Any]:
        row = super()._order(order_id, order)
        if math.isnan(row["share_at_fill"]):
            row["share_at_fill"] = self.p.shares.get(order.ref, math.nan)
        return row

    def stop(self) -> None:
        """Make the rows; a limit order that belongs to no bracket is a limit order, not a profit that was taken."""
        super().stop()
        plain = {ref for ref, order in self._orders.items() if order.parent is None and kind_of(order) == "limit"}
        reasons = zip(self._fills, self._rows["exit_reasons"], strict=True)
        self._rows["exit_reasons"] = [reason or ("limit" if fill.ref in plain else "") for fill, reason in reasons]
