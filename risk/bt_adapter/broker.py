"""A broker that keeps the risk rule at the fill, and records what audits need."""

import math
from collections import deque
from typing import Any, NamedTuple

import backtrader as bt
from pydantic import ValidationError

from core.errors import ConfigError
from risk.account_limits import STOP_PASSED, LimitsSpec, exposure_of
from risk.costs import impact_fraction
from risk.fill_limits import FillTerms, Quote, admit, fill_message
from risk.spec import FillRule

from .commission import costs_of
from .ending_broker import EndingBroker
from .fill_notes import FillNote, Protected, Stopped

STOPS = (bt.Order.Stop, bt.Order.StopTrail, bt.Order.StopLimit, bt.Order.StopTrailLimit)
PASSIVE = (bt.Order.Limit, bt.Order.StopLimit, bt.Order.StopTrailLimit, bt.Order.Historical)
"""Orders that name their own price: they have no market impact."""
WITHIN = 1
PLACES = {bt.Order.Market: 0, bt.Order.Close: 2}
"""By the kind of an order, its place among the fills of a bar: at the open, within the bar, at the close."""
ONLY_CLOSES = "only closes: a bracket's order never opens a position"
GONE = "nothing to resize: the position was closed before"


class Parts(NamedTuple):
    """The parts of an order that would close and open a position now, in units, none signed.

    Attributes
    ----------
    side : 1 buys, -1 sells.
    closing, opening : units of the order that close the position held, and units that open or add.
    held : units held on the order's own side already.
    """

    side: int
    closing: float
    opening: float
    held: float


class RiskBroker(EndingBroker):
    """A drop-in for backtrader's broker that keeps the rule at the fill: ``RiskBroker(cash=10_000, cap=0.05)``.

    What it corrects in matching: see :class:`~risk.bt_adapter.fresh_bar_broker.FreshBroker`. What it adds:

    - *The cap holds at the fill.* An order that opens or adds is trimmed at the price it fills at, so that the position
      is at most ``cap`` of the account; a bracket's orders shrink with their entry. Only the opening part is ever
      touched, it only shrinks, and to whole lots; below one lot it is rejected. That uses the open at which the order
      fills anyway, as any order sized at the open does, and nothing else of the bar.
    - *The limits of the account hold at the fill*, in the same way. By default shorts are worth at most the account.
    - *A bracket's stop and target only close.* They never reverse a position, and an entry that the market opens at or
      beyond its stop is cancelled.
    - *Impact and interest*: market impact by share of volume, interest on idle cash.

    Parameters
    ----------
    cap : largest share of the account that a position may be at its fill; None, the default, leaves sizes alone.
    lot : units in one lot; 0 = fractional.
    limits : a :class:`~risk.account_limits.LimitsSpec`; the strategy applies its stops of the account.
    impact : a :class:`~risk.costs.VolumeShare`, or None.
    cash_interest, session : see :class:`~risk.bt_adapter.interest_broker.InterestBroker`.
    ends, delisting_return : see :class:`~risk.bt_adapter.ending_broker.EndingBroker`.

    Attributes
    ----------
    notes : by (order reference, number of the fill within the order).
    reasons : by order reference: why the order was trimmed or rejected.
    trims : by order reference: units taken off the order, signed like it.
    entries : by reference of the entry: :class:`Protected`.
    stopped : by reference of the entry: :class:`Stopped`.

    Raises
    ------
    ConfigError
        An impossible parameter, at construction.
    """

    params = (
        ("cap", None),
        ("lot", 0.0),
        ("limits", LimitsSpec()),
        ("impact", None),
    )

    def init(self) -> None:
        """Begin an empty account; backtrader calls it at construction and at the start of each run."""
        super().init()
        self.rule = _rule(self.p)
        self._fill_terms = _fill_terms(self.rule)
        self.notes: dict[tuple[int, int], FillNote] = {}
        self.trims: dict[int, float] = {}
        self.entries: dict[int, Protected] = {}
        self.stopped: dict[int, Stopped] = {}
        self._guards: dict[Any, Any] = {}
        self._targets: dict[Any, Any] = {}

    def check_submitted(self) -> None:
        """Accept what was sent, as backtrader does; put market orders before all others, orders at the close behind.

        Market orders fill at the open, before any stop that is hit within the bar: no order may be sized by the account
        after that stop. Otherwise orders keep their sequence.
        """
        super().check_submitted()
        self._sort_by_time_of_fill()

    def _sort_by_time_of_fill(self) -> None:
        self.pending = deque(sorted(self.pending, key=lambda order: PLACES.get(order.exectype, WITHIN)))

    def stop_of(self, data: Any) -> float:
        """The price of the stop of a feed's position, also after it was cancelled; NaN if it has none."""
        guard = self._guards.get(data)
        return math.nan if guard is None else float(guard.created.price)

    def _execute(
        self,
        order: Any,
        ago: int | None = None,
        price: float | None = None,
        cash: float | None = None,
        position: Any = None,
        dtcoc: float | None = None,
    ) -> float | None:
        if ago is None:
            return self._check_cash(order, cash, position)
        if price is None or not self._admitted(order, price):
            return None
        fill_price = self._with_impact(order, price, abs(order.executed.remsize))
        value = self.value_at_fill()
        interest = self._interest_due(order)
        fills = len(order.executed)
        result: float | None = super()._execute(order, ago, fill_price, cash, position, dtcoc)
        if len(order.executed) > fills:
            self._note_fill(order, price, value, interest)
            self._note_stop(order)
            if order.info.get("resize"):
                self._follow(order.data)
        if order.status == bt.Order.Margin:
            self._note_margin(order, fill_price)
        return result

    def _check_cash(self, order: Any, cash: float | None, position: Any) -> float | None:
        left: float | None = super()._execute(order, cash=cash, position=position)
        if left is not None and cash is not None and not left >= 0.0:
            self.reasons[order.ref] = f"not enough cash at submission: {cash:.2f} available, {left:.2f} would be left"
        return left

    # --- the rule at the fill

    def _admitted(self, order: Any, price: float) -> bool:
        """Trim what the order would open to the rule; True if anything is left to be filled."""
        parts = self._parts(order)
        if parts.opening <= 0.0 or order.exectype == bt.Order.Historical:
            return True
        units = 0.0
        if order.parent:
            reason = ONLY_CLOSES
        elif order.info.get("resize") and not parts.held:
            reason = GONE
        else:
            units, reason = self._admit(order, price, parts)
        if units == parts.opening:
            return True
        self.reasons[order.ref] = reason
        if parts.closing + units <= 0.0:
            self._reject(order)
            return False
        self._set_size(order, parts.side * (parts.closing + units))
        self._shrink_children(order, parts.side * (parts.held + units))
        return True

    def _parts(self, order: Any) -> Parts:
        size = order.executed.remsize
        held = self.positions[order.data].size
        side = 1 if size > 0 else -1
        if held * side >= 0:
            return Parts(side, 0.0, abs(size), abs(held))
        closing = min(abs(size), abs(held))
        return Parts(side, closing, abs(size) - closing, 0.0)

    def _admit(self, order: Any, price: float, parts: Parts) -> tuple[float, str]:
        quote = Quote(
            side=parts.side,
            opening=parts.opening,
            held=parts.held,
            quoted=price if self._quoted is None else self._quoted,
            price=price,
            worst=self._with_impact(order, price, parts.opening),
            volume=order.data.volume[0],
            stop=self._stop_for(order, parts),
            target=self._target_for(order, parts),
            loss_share=order.info.get("loss_share", math.inf),
        )
        holdings = [
            (units, mark, self.stop_of(data))
            for data, units, mark in self.marked()
            if data is not order.data or parts.held
        ]
        exposure = exposure_of(self.value_at_fill(), holdings)
        units, code, max_units = admit(quote, exposure, self._fill_terms, costs_of(self, order.data))
        level = quote.stop if code == STOP_PASSED else quote.target
        return units, fill_message(code, max_units, quote.opening, quote.price, quote.quoted, level)

    def _stop_for(self, order: Any, parts: Parts) -> float:
        """The price of the stop that protects what an order opens: its own, or that of the position it adds to."""
        guard = self._guard_of(order)
        if guard is not None:
            return float(guard.created.price)
        return self.stop_of(order.data) if parts.held else math.nan

    def _target_for(self, order: Any, parts: Parts) -> float:
        """The price of the target of what an order opens: its own, or that of the position it adds to; NaN for none."""
        target = self._target_of(order)
        if target is None and parts.held:
            target = self._targets.get(order.data)
        return math.nan if target is None else float(target.created.price)

    def _reject(self, order: Any) -> None:
        order.reject(self)
        self.notify(order)
        self._ococheck(order)
        self._bracketize(order, cancel=True)

    def _set_size(self, order: Any, size: float) -> None:
        """Set the size of an order, signed; a reduction is recorded in ``trims``, an increase counts as requested."""
        before = order.executed.remsize
        if abs(size) < abs(before):
            self.trims[order.ref] = self.trims.get(order.ref, 0.0) + before - size
        order.executed.remsize = size
        order.created.size = order.size = order.executed.size + size

    # --- brackets

    def _children(self, order: Any) -> list[Any]:
        return [child for child in self._pchildren.get(order.ref, ()) if child.ref != order.ref]

    def _guard_of(self, order: Any) -> Any:
        """The stop in an entry's own bracket; None without one."""
        return next((child for child in self._children(order) if child.exectype in STOPS), None)

    def _target_of(self, order: Any) -> Any:
        """The target in an entry's own bracket; None without one."""
        return next((child for child in self._children(order) if child.exectype == bt.Order.Limit), None)

    def _shrink_children(self, order: Any, position: float) -> None:
        """Make an entry's stop and target no larger than the position that it leaves."""
        for child in self._children(order):
            if not position:
                self._pchildren[order.ref].remove(child)
                self.cancel(child, bracket=True)
            elif abs(child.executed.remsize) > abs(position):
                self._set_size(child, -position)

    def _follow(self, data: Any) -> None:
        """Set the bracket's orders of a feed to the size of its position, after the position was resized."""
        position = self.positions[data].size
        for order in self.pending:
            if order is not None and order.data is data and order.parent is not None:
                self._set_size(order, -position)

    def _note_stop(self, order: Any) -> None:
        data = order.data
        position = self.positions[data].size
        guard = self._guard_of(order)
        if order.parent and order.exectype in STOPS:
            quoted = order.created.price if self._quoted is None else self._quoted
            self.stopped[order.parent.ref] = Stopped(
                data.datetime[0], order.executed[-1].size, order.created.price, quoted
            )
        _keep(self._guards, data, guard, position)
        _keep(self._targets, data, self._target_of(order), position)
        if guard is not None and position:
            extreme = data.close[0] if self._is_at_close else (data.low[0] if position > 0 else data.high[0])
            self.entries[order.ref] = Protected(
                data=data,
                dt=data.datetime[0],
                size=position,
                entry_price=order.executed[-1].price,
                stop_price=guard.created.price,
                bar_extreme=extreme,
                bar_close=data.close[0],
            )

    # --- costs

    def _with_impact(self, order: Any, price: float, units: float) -> float:
        if self.rule.impact is None or order.exectype in PASSIVE or order.ref in self.settled:
            return price
        moved = impact_fraction(units, order.data.volume[0], self.rule.impact)
        return price * (1.0 + moved) if order.isbuy() else price * (1.0 - moved)

    # --- records for audits

    def _note_fill(self, order: Any, price: float, value: float, interest: float) -> None:
        """Record a fill; ``price`` is that before impact."""
        self.note_interest(order.data)
        self.note_owner(order)
        fill = order.executed[-1]
        position = self.positions[order.data].size
        quoted = price if self._quoted is None else self._quoted
        self.notes[order.ref, len(order.executed) - 1] = FillNote(
            share_at_fill=abs(position) * fill.price / value if value > 0 else math.nan,
            interest=interest if fill.closed else 0.0,
            position_after=float(position),
            slippage=fill.size * (price - quoted),
            impact=fill.size * (fill.price - price),
        )

    def _note_margin(self, order: Any, price: float) -> None:
        units = order.executed.remsize
        info = self.getcommissioninfo(order.data)
        left = self.cash - info.getvaluesize(units, price) - info.getcommission(units, price)
        self.reasons[order.ref] = f"not enough cash at the fill: {self.cash:.2f} available, {left:.2f} would be left"


def _keep(orders: dict[Any, Any], data: Any, order: Any, position: float) -> None:
    """Remember the order that protects a feed's position after a fill; forget one that protects nothing any more."""
    previous = orders.get(data)
    if order is not None and position:
        orders[data] = order
    elif previous is not None and (not position or previous.isbuy() == (position > 0)):
        del orders[data]


def _rule(p: Any) -> FillRule:
    """The broker's parameters, checked."""
    try:
        return FillRule(**{name: getattr(p, name) for name in FillRule.model_fields})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"RiskBroker: {name}={first['input']!r}: {first['msg']}") from error


def _fill_terms(rule: FillRule) -> FillTerms:
    """The rule as numbers."""
    cap = math.inf if rule.cap is None else rule.cap
    return FillTerms(cap, rule.lot, rule.impact.limit if rule.impact else math.inf, rule.limits.terms)
