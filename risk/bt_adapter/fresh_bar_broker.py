"""backtrader's broker without its look-ahead, with limit prices that hold and close orders that pay slippage."""

from collections.abc import Iterator
from typing import Any

import backtrader as bt


class FreshBroker(bt.brokers.BackBroker):
    """Matches orders against new bars only, and keeps limits.

    - *Fresh bars only.* The stock broker matches stop, limit and trailing orders of a symbol that has no bar at this
      time against the symbol's **old** bar, even the one on which they were created.
    - *Limits hold.* A limit sell that opens above its limit could slip below the bar's low; with ``slip_out`` a limit
      order could slip beyond its limit. Here slippage stops at the bar's low (unless ``slip_out``), and at the limit.
    - *Orders at the close slip.* The stock broker fills ``bt.Order.Close`` at the very close, free of slippage. Here it
      slips like a market order, and the account is valued at the closes when it fills. One that fills a bar late, at
      the remembered close of a session that had ended, is left as it is.
    - *A fixed order of positions*, so that the account value is the same sum, to the last bit, whichever symbol traded
      first.
    """

    def init(self) -> None:
        """Begin an empty account; backtrader calls it at construction and at the start of each run."""
        super().init()
        self._seen: dict[Any, int] = {}
        self._fresh: set[Any] = set()
        self._quoted: float | None = None
        self._is_at_close = False

    def next(self) -> None:
        """One cycle: find the symbols with a new bar, then let backtrader work through the orders."""
        if not self._seen:
            self._touch_positions()
        self._fresh = {data for data in self._seen if data.replaying or len(data) > self._seen[data]}
        self.before_orders()
        super().next()
        self.after_orders()
        for data in self._fresh:
            self._seen[data] = len(data)

    def before_orders(self) -> None:
        """A hook that runs once a cycle, before any order is matched."""

    def after_orders(self) -> None:
        """A hook that runs once a cycle, after all orders were matched."""

    def _touch_positions(self) -> None:
        # backtrader sums the account in the order in which positions were first accessed. A feed without any bar is
        # left out: it has no close to be valued at.
        for data in self.cerebro.datas:
            self._seen[data] = 0
            if data.buflen():
                self.getposition(data)

    def marked(self) -> Iterator[tuple[Any, float, float]]:
        """The open positions as (feed, units, price): the open of a symbol with a new bar, the last close of others.

        While an order fills at the close, the closes of all.
        """
        for data, position in self.positions.items():
            if position.size:
                is_at_open = data in self._fresh and not self._is_at_close
                yield data, position.size, data.open[0] if is_at_open else data.close[0]

    def value_at_fill(self) -> float:
        """Cash plus the positions as :meth:`marked`: the account as it is known when an order is about to fill."""
        value = 0.0
        for _, units, price in self.marked():
            value += units * price
        return float(self.cash + value)

    def _try_exec(self, order: Any) -> None:
        if order.data in self._fresh or order.exectype == bt.Order.Historical:
            self._quoted = None
            super()._try_exec(order)

    def _try_exec_close(self, order: Any, pclose: float) -> None:
        number = order.data.datetime[0]
        if not number > order.created.dt or number < order.dteos or (order.pannotated and number > order.dteos):
            super()._try_exec_close(order, pclose)  # the session goes on, or it ended with the bar before
            return
        slip, bound = (self._slip_up, order.data.high[0]) if order.isbuy() else (self._slip_down, order.data.low[0])
        self._is_at_close = True
        self._execute(order, ago=0, price=slip(bound, pclose, doslip=self.p.slip_open))
        self._is_at_close = False

    def _try_exec_limit(self, order: Any, popen: float, phigh: float, plow: float, plimit: float) -> None:
        buys = order.isbuy()
        if not (plimit >= popen if buys else plimit <= popen):
            super()._try_exec_limit(order, popen, phigh, plow, plimit)  # not marketable at the open: no slippage
            return
        slip, nearest = (self._slip_up, min) if buys else (self._slip_down, max)
        price = slip(nearest(phigh if buys else plow, plimit), popen, doslip=self.p.slip_open, lim=True)
        self._execute(order, ago=0, price=None if price is None else nearest(price, plimit))

    def _slip_up(self, pmax: float, price: float, doslip: bool = True, lim: bool = False) -> float | None:
        self._quoted = price
        slipped: float | None = super()._slip_up(pmax, price, doslip, lim)
        return slipped

    def _slip_down(self, pmin: float, price: float, doslip: bool = True, lim: bool = False) -> float | None:
        self._quoted = price
        slipped: float | None = super()._slip_down(pmin, price, doslip, lim)
        return slipped
