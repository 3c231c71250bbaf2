"""backtrader's loop without what this project never uses; the same results, bit for bit, in a fraction of the time.

Left out: the copy of each order at each change and the trades made of it (the audit reads the orders themselves), the
ticks of a feed, timers, observers, end-of-session dates of orders, the bookkeeping of futures, and the trial of orders
that the cash is sure to cover. What a fill does to cash and positions is backtrader's own code throughout.

This rests on backtrader's private attributes, so that it is used with the one version that it was compared with;
with any other, :mod:`engine.backtest.bt.engine` runs the plain loop.
"""

import gc
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import backtrader as bt
import numpy as np

from risk.bt_adapter import RiskAudit, RiskBroker
from strategies._backtrader import FeedView, SignalStrategy, as_side
from strategies.base import CrossSectional

VERSION = "1.9.78.123"
SAFE_CASH_FRACTION = 0.999
"""The fraction of the cash that orders may safely take: the rest is far more than the rounding of sums."""


def is_known() -> bool:
    """True if the installed backtrader is the version whose private attributes this module uses."""
    return version("backtrader") == VERSION


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep the garbage collector from walking over the orders again and again: a run keeps all that it makes."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class _Lean:
    """An order made without backtrader's metaclass, which looks at every parameter of every order.

    It does not know when its session ends: one that fills at a close fills at that of the next bar.
    """

    def take(  # noqa: PLR0913, PLR0917 (backtrader's arguments)
        self,
        owner: Any,
        data: Any,
        size: float,
        price: float | None = None,
        plimit: float | None = None,
        exectype: int | None = None,
        valid: None = None,
        tradeid: int = 0,
        oco: None = None,
        trailamount: float | None = None,
        trailpercent: float | None = None,
        parent: Any = None,
        transmit: bool = True,
        **info: Any,
    ) -> "_Lean":
        """Fill in this order as backtrader's own construction does, in its order."""
        order: Any = self
        order.p = order.params = DEFAULTS  # parameters that are not set below
        order.owner = owner
        order.data = data
        order.parent = parent
        order.transmit = transmit
        order.oco = oco
        order.tradeid = tradeid
        order.valid = valid
        order.price = price
        order.trailamount = trailamount
        order.trailpercent = trailpercent
        order.histnotify = False
        order.ref = next(bt.Order.refbasis)
        order.broker = order.comminfo = None
        order.info = info
        order.triggered = False
        order._active = parent is None
        order.status = bt.Order.Created
        order.pricelimit = order._plimit = plimit
        order.exectype = bt.Order.Market if exectype is None else exectype
        buys = order.ordtype == bt.Order.Buy
        order.size = size if buys else -size
        close = data.close[0]
        order.created = bt.order.OrderData(
            dt=owner.lines.datetime[0],  # of the decision: the symbol need not have a bar then
            size=order.size,
            price=price if price or plimit else close,
            pricelimit=plimit,
            pclose=close,
            trailamount=trailamount,
            trailpercent=trailpercent,
        )
        order._limitoffset = 0.0
        if order.exectype == bt.Order.StopTrail:
            start = order.created.price
            order.created.price = float("inf") if buys else float("-inf")
            order.trailadjust(start)
        order.executed = bt.order.OrderData(remsize=order.size)
        order.position, order.dteos = 0, 0.0
        return self


DEFAULTS = bt.order.OrderBase.params()
"""The default values of backtrader's parameters of an order."""


class LeanBuy(_Lean, bt.order.BuyOrder):
    """A buy."""


class LeanSell(_Lean, bt.order.SellOrder):
    """A sale."""


class LeanBroker(RiskBroker):
    """A :class:`~risk.bt_adapter.RiskBroker` that does not notify anyone of its orders, but remembers them.

    Attributes
    ----------
    changed_orders : by reference, every order that was ever changed.
    filled : the fills in order: the order, and the number of the fill within it.
    """

    def init(self) -> None:
        """Begin an empty account."""
        super().init()
        self.changed_orders: dict[int, Any] = {}
        self.filled: list[tuple[Any, int]] = []

    def notify(self, order: Any) -> None:
        """Remember the order."""
        self.changed_orders[order.ref] = order

    def on_bar(self, fresh: Sequence[Any]) -> None:
        """One cycle, in which these feeds have a new bar."""
        if not self._seen:
            self._touch_positions()
        self._fresh = set(fresh)
        self.before_orders()
        while self._toactivate:
            self._toactivate.popleft().activate()
        if self.submitted:
            self.check_submitted()
        self._charge_interest()
        if self.pending:
            self._work_pending()
        self._close_ended()
        self._value = self.cash + self._market_value()

    def check_submitted(self) -> None:
        """Accept sent orders; without backtrader's trial of each order where the cash surely covers them all."""
        if not self._cash_surely_covers():
            super().check_submitted()
            return
        while self.submitted:
            order = self.submitted.popleft()
            if self._take_children(order) is not None:
                self.submit_accept(order)
        self._sort_by_time_of_fill()

    def _cash_surely_covers(self) -> bool:
        """True if the cash covers all sent orders at once, each with its commission twice, and some is left.

        An order's trial never takes more than that: it pays a commission for what closes and one for what opens.
        """
        total = 0.0
        for order in self.submitted:
            created = order.created
            fee = self.getcommissioninfo(order.data).getcommission(created.size, created.price)
            total += abs(created.size * created.price) + 2.0 * fee
        return bool(total <= SAFE_CASH_FRACTION * self.cash)

    def _owes(self, data: Any, size: float) -> bool:  # noqa: ARG002 (the signature of the broker)
        return size < 0  # the commission of this project charges no long

    def _work_pending(self) -> None:
        """Go through the orders once, as backtrader does."""
        self.pending.append(None)  # a fill may take others out of the queue
        while (order := self.pending.popleft()) is not None:
            if not order.active():
                self.pending.append(order)
                continue
            self._try_exec(order)
            if order.alive():
                self.pending.append(order)
            elif order.status == bt.Order.Completed:
                self._bracketize(order)

    def _try_exec(self, order: Any) -> None:
        if order.exectype != bt.Order.Market:
            super()._try_exec(order)
        elif order.data in self._fresh:
            self._quoted = None
            lines = order.data.lines
            self._try_exec_market(order, lines.open[0], lines.high[0], lines.low[0])

    def _market_value(self) -> float:
        """The positions at their closes, summed in backtrader's order of operations."""
        total = 0.0
        for data, position in self.positions.items():
            size = position.size
            if size:
                close = data.close[0]
                market_value = size * close
                if market_value > 0:
                    gained = size * (close - position.price)
                    total += market_value - gained
                    total += gained
                else:
                    total += market_value
        return total

    def _note_fill(self, order: Any, price: float, value: float, interest: float) -> None:
        super()._note_fill(order, price, value, interest)
        self.filled.append((order, len(order.executed) - 1))

    def _closing_order(self, data: Any, size: float) -> Any:
        kind = LeanSell if size > 0 else LeanBuy
        order: Any = object.__new__(kind)
        return order.take(self._owners[data], data, abs(size))

    def buy(self, owner: Any, data: Any, size: float, **terms: Any) -> Any:
        """Send a buy."""
        return self._send(LeanBuy, owner, data, size, **terms)

    def sell(self, owner: Any, data: Any, size: float, **terms: Any) -> Any:
        """Send a sale."""
        return self._send(LeanSell, owner, data, size, **terms)

    def _send(self, kind: type[_Lean], owner: Any, data: Any, size: float, **terms: Any) -> Any:
        order = object.__new__(kind).take(owner, data, size, **terms)
        self._ocoize(order, None)
        return self.submit(order)


class LeanAudit(RiskAudit):
    """The audit, from the orders themselves once the run is over."""

    def stop(self) -> None:
        """Collect the orders and fills of the run."""
        broker = self.strategy.broker
        self._orders.update(broker.changed_orders)
        closed = (order for order in broker.changed_orders.values() if order.status == bt.Order.Completed)
        self._brackets_filled.update(order.parent.ref for order in closed if order.parent)
        for order, number in broker.filled:
            fill = self._fill(order, number, order.executed[number])
            self._fills.append(fill)
            self._fills_of.setdefault(order.ref, []).append(fill.row)
        super().stop()


class LeanStrategy(SignalStrategy):
    """A strategy that reads its signals from lists: by the feed's name, (T,) predictions and confidences."""

    params: tuple[tuple[str, Any], ...] = (("signals", {}),)

    def __init__(self) -> None:
        super().__init__()
        self._lists = {data: self.p.signals[data._name] for data in self.datas}
        self._rows = dict.fromkeys(self.datas, -1)
        self._new: Sequence[Any] = ()
        self._target_sides: dict[Any, int] = {}
        self._spec = self.p.spec
        risk = self.p.risk
        self._is_plain = not (
            isinstance(self._spec, CrossSectional)
            or self._memory
            or self._entries
            or self.entry_orders.spec
            or risk.limits.stops_account
            or risk.resize
            or self.bars_reentry
        )

    def on_bar(self, fresh: Sequence[Any]) -> None:
        """One cycle, in which these feeds have a new bar."""
        self._new = fresh
        for data in fresh:
            self._rows[data] += 1
        if not (self._is_plain and self._nothing_to_do()):
            self.next()

    def _nothing_to_do(self) -> bool:
        """True if the rule keeps every side and no order has to be taken back; the bar is then counted."""
        bars_held = {}
        targets = self._target_sides
        targets.clear()
        keeps_all = True
        for data in self._new:
            predictions, confidences = self._lists[data]
            row = self._rows[data]
            prediction = predictions[row]
            size = self.broker.positions[data].size
            before = self._held[data]
            side = (size > 0) - (size < 0)
            held = before + side if before * side > 0 else side
            bars_held[data] = held
            if not math.isnan(prediction):
                target = self._target_side(data, prediction, confidences[row], side, abs(held))
                targets[data] = target
                if target != side:
                    keeps_all = False
        # To stay flat takes back orders that still wait.
        idle = keeps_all and (not self.broker.pending or all(bars_held[data] for data in targets))
        if idle:
            self._held.update(bars_held)
        return idle

    def _target_side(self, data: Any, prediction: float, confidence: float, side: int, held: int) -> int:
        try:
            return as_side(self._spec.rule(prediction, confidence, side, held, self._spec), self._spec)
        except Exception as error:
            raise self._failed([FeedView(data, prediction, confidence, side, held)], error) from error

    def targets(self, views: list[FeedView]) -> list[int]:
        """The sides to be on, which the rule has given already."""
        return [self._target_sides[view.data] for view in views] if self._is_plain else super().targets(views)

    def fresh(self) -> list[Any]:
        """The feeds that have a new bar."""
        return list(self._new)

    def opinion(self, data: Any) -> tuple[float, float]:
        """The prediction and the confidence at this bar."""
        prediction, confidence = self._lists[data]
        row = self._rows[data]
        return prediction[row], confidence[row]

    def close_order(self, data: Any) -> Any:
        """Send the order that closes the whole position, without the options of backtrader's ``close``."""
        held = self.broker.positions[data].size
        return self._order(data, -1 if held > 0 else 1, abs(held))

    def _order(self, data: Any, side: int, size: float, **terms: Any) -> Any:
        return (self.broker.buy if side > 0 else self.broker.sell)(self, data, size, **terms)


def _cache_lines(data: Any) -> list[Any]:
    """A feed's lines; from then on it has them as attributes, and backtrader need not look for them at each bar."""
    lines = {name: getattr(data.lines, name) for name in data.getlinealiases()}
    vars(data).update(lines)
    return list(lines.values())


class LeanCerebro(bt.Cerebro):
    """A loop of one :class:`LeanStrategy` over preloaded feeds, step by step."""

    def _runonce(self, runstrats: list[Any]) -> None:
        strategy = runstrats[0]
        broker = self._broker
        strategy.reset()
        analyzers = [analyzer for analyzer in strategy.analyzers if not isinstance(analyzer, RiskAudit)]
        now = strategy.lines.datetime
        lines = {data: _cache_lines(data) for data in self.datas}
        for number, fresh in self._steps():
            for data in fresh:
                for line in lines[data]:
                    line._idx += 1
                    line.lencount += 1
            broker.on_bar(fresh)
            now._idx += 1
            now.lencount += 1
            now.array.append(number)
            strategy.on_bar(fresh)
            for analyzer in analyzers:
                analyzer.next()

    def _steps(self) -> Iterator[tuple[float, list[Any]]]:
        """Each step's number, and the feeds that have a bar then, in their order."""
        feeds: dict[float, list[Any]] = {}
        for data in self.datas:
            for number in np.asarray(data.lines.datetime.array)[: data.buflen()].tolist():
                feeds.setdefault(number, []).append(data)
        for number in sorted(feeds):
            yield number, feeds[number]
