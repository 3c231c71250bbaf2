"""backtrader's broker, mended where it looks ahead or breaks its word, and with a memory for audits."""

from dataclasses import dataclass
from typing import Any

import backtrader as bt


@dataclass(frozen=True, slots=True)
class FillNote:
    """What is known only at the moment of a fill.

    Attributes
    ----------
    share_at_fill : |position after| x fill price / account value before the fill's commission; NaN for an account that
        is worth nothing.
    interest : short interest that backtrader books into this fill, account currency; 0 unless the fill closes.
    position_after : units held after the fill, signed.
    """

    share_at_fill: float
    interest: float
    position_after: float


class RiskBroker(bt.brokers.BackBroker):
    """A drop-in for backtrader's broker: ``cerebro.broker = RiskBroker(cash=10_000)``.

    What it mends:

    - *Fresh bars only.* The stock broker matches stop, limit and trailing orders of a symbol that has no bar at this
      time against the symbol's **old** bar, even the one on which they were created.
    - *Limits hold.* A limit sell that opens above its limit could slip below the bar's low; with ``slip_out`` a limit
      order could slip beyond its limit. Here slippage stops at the bar's low (unless ``slip_out``), and at the limit.
    - *A fixed order of positions*, so that the account value is the same sum, to the last bit, whichever symbol traded
      first.

    What it remembers, for :class:`~risk.bt_adapter.audit.RiskAudit`: a :class:`FillNote` for each fill and the cash
    that a rejected order lacked.

    Attributes
    ----------
    notes : by (order reference, number of the fill within the order).
    reasons : by order reference: why the order was rejected.
    """

    def init(self) -> None:
        """Begin an empty account; backtrader calls it at construction and at the start of each run."""
        super().init()
        self.notes: dict[tuple[int, int], FillNote] = {}
        self.reasons: dict[int, str] = {}
        self._seen: dict[Any, int] = {}
        self._fresh: set[Any] = set()

    def next(self) -> None:
        """One cycle: find the symbols with a new bar, then let backtrader work through the orders."""
        if not self._seen:
            self._touch_positions()
        self._fresh = {data for data in self._seen if data.replaying or len(data) > self._seen[data]}
        super().next()
        for data in self._fresh:
            self._seen[data] = len(data)

    def _touch_positions(self) -> None:
        # backtrader sums the account in the order in which positions were first looked at. A feed without any bar is
        # left out: it has no close to be valued at.
        for data in self.cerebro.datas:
            self._seen[data] = 0
            if data.buflen():
                self.getposition(data)

    def _try_exec(self, order: Any) -> None:
        if order.data in self._fresh or order.exectype == bt.Order.Historical:
            super()._try_exec(order)

    def _try_exec_limit(self, order: Any, popen: float, phigh: float, plow: float, plimit: float) -> None:
        buys = order.isbuy()
        if not (plimit >= popen if buys else plimit <= popen):
            super()._try_exec_limit(order, popen, phigh, plow, plimit)  # not marketable at the open: no slippage
            return
        slip, nearest = (self._slip_up, min) if buys else (self._slip_down, max)
        price = slip(nearest(phigh if buys else plow, plimit), popen, doslip=self.p.slip_open, lim=True)
        self._execute(order, ago=0, price=None if price is None else nearest(price, plimit))

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
        if price is None:
            return None
        value, interest, fills = self._value_at_open(), self._interest_due(order), len(order.executed)
        result: float | None = super()._execute(order, ago, price, cash, position, dtcoc)
        if len(order.executed) > fills:
            self._note(order, fills, price, value, interest)
        if order.status == bt.Order.Margin:
            self._note_margin(order, price)
        return result

    def _check_cash(self, order: Any, cash: float | None, position: Any) -> float | None:
        left: float | None = super()._execute(order, cash=cash, position=position)
        if left is not None and cash is not None and not left >= 0.0:
            self.reasons[order.ref] = f"not enough cash at submission: {cash:.2f} available, {left:.2f} would be left"
        return left

    def _value_at_open(self) -> float:
        """Cash plus positions, at the open of symbols with a new bar and the last close of the others."""
        value = 0.0
        for data, position in self.positions.items():
            if position.size:
                value += position.size * (data.open[0] if data in self._fresh else data.close[0])
        return float(self.cash + value)

    def _interest_due(self, order: Any) -> float:
        return float(self.d_credit.get(order.data, 0.0)) if self.p.int2pnl else 0.0

    def _note(self, order: Any, number: int, price: float, value: float, interest: float) -> None:
        held = self.positions[order.data].size
        share = abs(held) * price / value if value > 0 else float("nan")
        closed = order.executed[number].closed
        self.notes[order.ref, number] = FillNote(share, interest if closed else 0.0, float(held))

    def _note_margin(self, order: Any, price: float) -> None:
        units = order.executed.remsize
        info = self.getcommissioninfo(order.data)
        left = self.cash - info.getvaluesize(units, price) - info.getcommission(units, price)
        self.reasons[order.ref] = f"not enough cash at the fill: {self.cash:.2f} available, {left:.2f} would be left"
