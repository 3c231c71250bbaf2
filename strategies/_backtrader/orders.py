"""A backtrader strategy's orders: entries with their stops and targets, exits, resizes, held to the account's limits.

This is a shell: sizes, stops and limits are computed by the pure functions of :mod:`risk`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import backtrader as bt

from risk.bt_adapter.commission import costs_of
from risk.sizing import DUST, lot_floor, resize_units, units_for_loss
from risk.spec import RiskSpec
from risk.stops import Distances, TrailPercent, distance_at, stop_price, target_price
from strategies._entry_order import EntryOrder

from .account import AccountStops, PlannedHoldings
from .entry_orders import EntryOrders


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry for which no order was sent: the sizer allowed nothing, or the account's limits or stops barred it.

    Attributes
    ----------
    ref : a number from backtrader's own order counter, so that refusals sort among the orders by time of creation.
    data : the feed.
    created : backtrader's number for the time of the bar that decided.
    side : 1 for a refused buy, -1 for a refused sell.
    reason : one line.
    requested : units that were goal, signed; 0 if no size was worked out.
    decision : the strategy's word for the entry.
    """

    ref: int
    data: Any
    created: float
    side: int
    reason: str
    requested: float = 0.0
    decision: str = ""


class PositionGoal(NamedTuple):
    """The position that a strategy wants in a feed.

    Attributes
    ----------
    side : 1 long, -1 short.
    confidence : in [0, 1].
    weight : the part of the risk rule's size, above 0 and at most 1.
    decision : the strategy's word for it.
    """

    side: int
    confidence: float
    weight: float = 1.0
    decision: str = "signal"


class Bracket(NamedTuple):
    """Prices of a position's stop and target, and the stop's distance from the close; NaN for none."""

    stop: float = math.nan
    target: float = math.nan
    distance: float = math.nan


class OrderStrategy(bt.Strategy):
    """Sends the orders for the target sides of a strategy; :class:`SignalStrategy` decides on them.

    Parameters
    ----------
    risk : a :class:`~risk.spec.RiskSpec`: its stop, take_profit, resize and limits; base and cap are the sizer's.
    distances : :class:`~risk.stops.Distances` by the feed's name, one row a bar; needed for stops by the average true
        range, the others are computed from the close.
    entry_order : an :class:`~strategies.base.EntryOrder`; None for market orders.
    offsets : by the feed's name (T,): distances of its price from each close; needed for multiples of the average true
        range alone.
    session : a callable of backtrader's number of a close, equal for closes of one session; None takes the date of the
        strategy's clock, in the time zone of the ``Cerebro`` (UTC without one).

    Attributes
    ----------
    refusals : the entries that were not sent, in order.
    exit_reasons : by the reference of each closing order, the word for why it was sent.
    decisions : by the reference of each order that opens, adds or reduces, the strategy's word for it.
    entry_orders : the entries that do not fill at the next open.
    account : the :class:`~strategies._backtrader.account.AccountStops`; its ``halts`` are the stops that acted.
    """

    params: tuple[tuple[str, Any], ...] = (
        ("risk", RiskSpec()),
        ("distances", {}),
        ("session", None),
        ("entry_order", None),
        ("offsets", {}),
    )

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.exit_reasons: dict[int, str] = {}
        self.decisions: dict[int, str] = {}
        offsets = {data: self.p.offsets[data._name] for data in self.datas if self.p.offsets}
        self.entry_orders = EntryOrders(self.entry_order(), offsets, self.cancel)
        self.account = AccountStops(self.p.risk.limits, self.broker.startingcash)
        self._shares = self.broker.get_fundshares()

    def entry_order(self) -> EntryOrder | None:
        """The order that opens positions; None for market orders."""
        order: EntryOrder | None = self.p.entry_order
        return order

    def look_at_account(self) -> dict[Any, str]:
        """The feeds to leave because a stop of the account acts at this close, each with the stop's name: all of them.

        For a feed that is not held, a pending entry is withdrawn.
        """
        if not self.p.risk.limits.stops_account:
            return {}
        shares = self.broker.get_fundshares()
        if shares != self._shares:
            self.account.take_flow(shares / self._shares)
            self._shares = shares
        number = self.lines.datetime[0]
        session = self.p.session(number) if self.p.session else self.datetime.date()
        halt = self.account.check_stops(number, self.broker.getvalue(), session)
        return dict.fromkeys(self.datas, halt.word) if halt else {}

    def plan(self, leaving: Iterable[Any]) -> None:
        """Begin the orders of a close: positions that are not about to be closed count towards the limits."""
        held = (data for data in self.datas if data not in leaving and self.getposition(data).size)
        holdings = {data: (self.getposition(data).size, data.close[0], self.stop_of(data)) for data in held}
        self._planned = PlannedHoldings(self.broker.getvalue(), holdings, self.p.risk.limits, self._lot)

    @property
    def _lot(self) -> float:
        return float(getattr(self.sizer.p, "lot", 0.0))

    def stop_of(self, data: Any) -> float:
        """The price of a position's stop; NaN for none, and where the broker does not know it."""
        broker_stop_of = getattr(self.broker, "stop_of", None)
        return float(broker_stop_of(data)) if broker_stop_of else math.nan

    def leave(self, data: Any, reason: str) -> None:
        """Cancel the pending orders of a feed and close its position."""
        self.withdraw(data)
        if self.getposition(data).size:
            order = self.close_order(data)
            if order is not None:  # dated by the decision: a stop of the account acts where the feed has no bar, too
                order.created.dt = self.lines.datetime[0]
            self.exit_reasons[getattr(order, "ref", 0)] = reason
            if order is not None and self.account.halts and reason == self.account.halts[-1].word:
                order.addinfo(why=self.account.halts[-1].text)

    def withdraw(self, data: Any) -> None:
        """Cancel this strategy's pending orders of one feed: a forgotten order would open a position of its own."""
        for order in self.broker.get_orders_open():
            if order.data is data and order.owner is self:
                self.cancel(order)

    def enter(self, data: Any, goal: PositionGoal) -> None:
        """Open a position of the sizer's size, or record the reason why there is none."""
        side = goal.side
        price = self.entry_orders.price(data, side)
        bracket = self.bracket(data, side, price) if self.entry_orders.spec else self.bracket(data, side)
        refusal = self._refusal_at_close(data, price, bracket)
        size = 0.0 if refusal else self.opening_size(data, goal, bracket.stop, price)
        if size <= 0.0:
            self.refuse(data, goal, refusal or self.refusal_reason(data, goal, bracket.stop, price))
            return
        admitted, reason = self._planned.admit(data, side, size, price, bracket.stop)
        if admitted <= 0.0:
            self.refuse(data, goal, reason, side * size)
            return
        order_info = self._order_info(goal, size - admitted, reason)
        order_info |= self.entry_orders.terms(price)
        entry = self._send(data, side, admitted, bracket, order_info)
        self._remember(entry, goal)
        self.entry_orders.add(data, entry, side)

    def _remember(self, order: Any, goal: PositionGoal) -> None:
        """Remember the strategy's word for an order."""
        self.decisions[getattr(order, "ref", 0)] = goal.decision

    def _refusal_at_close(self, data: Any, entry: float, bracket: Bracket) -> str:
        """The reason why no position may be opened at all; empty if one may."""
        if self.account.halted:
            return self.account.refusal
        order = self.entry_orders.spec
        levels = (
            ("entry price", order, entry),
            ("stop", self.p.risk.stop, bracket.stop),
            ("target", self.p.risk.take_profit, bracket.target),
        )
        for name, spec, price in levels:
            if spec and math.isnan(price):
                return f"no {name} yet: its average true range needs more bars"
            if spec and price <= 0.0:
                return f"no {name}: it would lie at {price:g}, below any price (the close is {data.close[0]:g})"
        return ""

    def _order_info(self, goal: PositionGoal, trimmed: float, why: str) -> dict[str, Any]:
        """The entries of an order's ``info`` for the broker and the audit."""
        loss = {"loss_share": self.p.risk.base * goal.confidence * goal.weight} if self._holds_loss else {}
        return {**loss, **({"trimmed": trimmed, "why": why} if trimmed else {})}

    @property
    def _holds_loss(self) -> bool:
        return bool(self.p.risk.mode == "stop" and self.p.risk.cap_at == "fill")

    def bracket(self, data: Any, side: int, price: float | None = None) -> Bracket:
        """The stop and the target of a position that is decided on at this close.

        Parameters
        ----------
        price : of the entry's own order; the close by default. A part of the price is a part of it.
        """
        risk = self.p.risk
        close = data.close[0] if price is None else price
        if not (risk.stop or risk.take_profit):
            return Bracket()
        distances = self.p.distances.get(data._name)
        row = len(data) - 1
        if distances is None:
            distances = Distances.at_close(close, risk.stop, risk.take_profit)
            row = 0
        stop = distance_at(risk.stop, close, distances.stop[row])
        target = distance_at(risk.take_profit, close, distances.target[row])
        return Bracket(stop_price(side, close, stop), target_price(side, close, target), stop)

    def _send(self, data: Any, side: int, size: float, bracket: Bracket, order_info: dict[str, Any]) -> Any:
        """Send an entry with its stop and target; the last of them transmits all to the broker. Returns the entry."""
        has_stop = not math.isnan(bracket.stop)
        has_target = not math.isnan(bracket.target)
        if not (has_stop or has_target):
            return self.open_order(data, side, size, **order_info)
        entry = self.open_order(data, side, size, transmit=False, **order_info)
        leave = self.sell if side > 0 else self.buy
        if has_stop:
            terms = self._stop_order(bracket, order_info)
            leave(data=data, size=size, parent=entry, transmit=not has_target, **terms)
        if has_target:
            leave(data=data, size=size, parent=entry, transmit=True, exectype=bt.Order.Limit, price=bracket.target)
        return entry

    def _stop_order(self, bracket: Bracket, order_info: dict[str, Any]) -> dict[str, Any]:
        """The order type of a stop and its price; of a trailing one, its distance."""
        stop = self.p.risk.stop
        if stop is None or not stop.trails:
            return {"exectype": bt.Order.Stop, "price": bracket.stop}
        start = {"price": order_info["price"]} if "price" in order_info else {}  # else the close
        if isinstance(stop, TrailPercent):
            return {"exectype": bt.Order.StopTrail, "trailpercent": stop.value, **start}
        return {"exectype": bt.Order.StopTrail, "trailamount": bracket.distance, **start}

    def resizing(self, data: Any, goal: PositionGoal) -> float:
        """The units by which a position is moved to the size that is goal: above 0 added, below 0 taken off.

        0 within the band of ``risk.resize``; a position is never closed by this.
        """
        if self.account.halted:
            return 0.0
        held_units = abs(self.getposition(data).size)
        target_units = self._rule_size(data, goal, self.stop_of(data))
        min_value = max(self.p.risk.limits.min_order, DUST * self.broker.getvalue())
        band = self.p.risk.resize.band if self.p.risk.resize else 0.0
        difference = resize_units(target_units, held_units, data.close[0], band, self._lot, min_value)
        return -difference if target_units < held_units else difference

    def reduce(self, data: Any, goal: PositionGoal, units: float) -> None:
        """Take units off a position; what is left counts for the account's limits at this close."""
        self._planned.reduce(data, goal.side * units)
        self._remember(self._order(data, -goal.side, units, resize=True), goal)

    def add(self, data: Any, goal: PositionGoal, difference: float) -> None:
        """Add units to a position, as far as the account's limits admit."""
        side = goal.side
        admitted, reason = self._planned.admit(data, side, difference, data.close[0], self.stop_of(data))
        if admitted > 0.0:
            order_info = self._order_info(goal, difference - admitted, reason)
            self._remember(self._order(data, side, admitted, resize=True, **order_info), goal)
        else:
            self.refuse(data, goal, reason, side * difference)

    def _rule_size(self, data: Any, goal: PositionGoal, stop: float) -> float:
        """The size that is goal now; in mode ``stop`` no more than the position's own stop allows."""
        side, confidence, weight, _ = goal
        size = self.opening_size(data, goal, self.bracket(data, side).stop)
        if self.p.risk.mode != "stop" or math.isnan(stop):
            return size
        loss = self.broker.getvalue() * self.p.risk.base * confidence * weight
        max_units = units_for_loss(loss, side, data.close[0], stop, costs_of(self.broker, data))
        return lot_floor(min(size, max_units), self._lot)

    def _order(self, data: Any, side: int, size: float, **order_info: Any) -> Any:
        return (
            self.buy(data=data, size=size, **order_info) if side > 0 else self.sell(data=data, size=size, **order_info)
        )

    def opening_size(self, data: Any, goal: PositionGoal, stop: float = math.nan, price: float | None = None) -> float:
        """Units to open from flat, not signed.

        Parameters
        ----------
        stop : the price of the stop; NaN for none.
        price : of the entry's own order; the close by default.
        """
        opening = getattr(self.sizer, "opening", None)
        if opening is None:
            units = float(abs(self.getsizing(data, isbuy=goal.side > 0)))
            return lot_floor(units * goal.weight, self._lot)
        return float(opening(data, goal.confidence, **self._terms(goal, stop, price)))

    def refusal_reason(self, data: Any, goal: PositionGoal, stop: float = math.nan, price: float | None = None) -> str:
        """The reason why the opening size is 0, in one line."""
        refusal = getattr(self.sizer, "refusal", None)
        if refusal is None:
            return f"size 0: {type(self.sizer).__name__} allows nothing"
        return str(refusal(data, goal.confidence, **self._terms(goal, stop, price)))

    def _terms(self, goal: PositionGoal, stop: float, price: float | None) -> dict[str, Any]:
        """The arguments of a sizer's ``opening`` beyond the plainest."""
        terms: dict[str, Any] = {} if math.isnan(stop) else {"side": goal.side, "stop": stop}
        if goal.weight != 1.0:
            terms["weight"] = goal.weight
        if price is not None and self.entry_orders.spec:
            terms["price"] = price
        return terms

    def refuse(self, data: Any, goal: PositionGoal, reason: str, requested: float = 0.0) -> None:
        """Record an entry for which no order is sent; ``requested`` are the units that it was for, signed."""
        ref = next(bt.Order.refbasis)
        self.refusals.append(Refusal(ref, data, data.datetime[0], goal.side, reason, requested, decision=goal.decision))

    def open_order(self, data: Any, side: int, size: float, **order_info: Any) -> Any:
        """Send the opening order; a market order unless overridden.

        Parameters
        ----------
        order_info : arguments of ``buy`` or ``sell``: they tie the order to its bracket, and hold the rule's limits for
            the broker and the audit. Empty for an order without any.
        """
        return self._order(data, side, size, **order_info)

    def close_order(self, data: Any) -> Any:
        """Send the order that closes exactly the position; a market order unless overridden."""
        return self.close(data=data)
