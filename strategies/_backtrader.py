"""Any strategy rule as a backtrader strategy. This is a shell: the thinking is in the rule and in the sizer."""

import math
from dataclasses import dataclass
from typing import Any

import backtrader as bt

from .threshold import Threshold


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry for which no order was sent because the sizer allowed nothing.

    Attributes
    ----------
    ref : a number from backtrader's own order counter, so that refusals sort among the orders by time of creation.
    data : the feed.
    created : backtrader's number for the time of the bar that decided.
    side : 1 for a refused buy, -1 for a refused sell.
    reason : one line.
    """

    ref: int
    data: Any
    created: float
    side: int
    reason: str


@dataclass(frozen=True, slots=True)
class Move:
    """What a rule asks for: the feed, the target side (1, -1, 0) and the bar's confidence."""

    data: Any
    target: int
    confidence: float


class SignalStrategy(bt.Strategy):
    """Follows the feeds' ``prediction`` and ``confidence`` lines by a strategy's rule.

    At the close of each *new* bar of a feed the rule names the target side; orders fill at that feed's next open. A
    reversal is two orders, first the close of exactly what is held, then the opening; with several feeds, all closes
    are sent before the first opening, so that they free the cash. A NaN prediction keeps the position and sends
    nothing. The size of an opening order comes from the sizer's ``opening`` with the bar's confidence
    (:class:`~risk.bt_adapter.RiskRuleSizer` has it); any other sizer is asked the usual way. A size of 0 sends no
    order and is remembered in :attr:`refusals`.

    To send another kind of order, override :meth:`open_order` or :meth:`close_order`; to take signals from elsewhere,
    :meth:`opinion`; to decide otherwise, :meth:`target`. A subclass's own ``__init__`` calls this one.

    Parameters
    ----------
    spec : a strategy spec such as ``Threshold(entry=0.001)``; its ``rule`` is called with it as parameters.

    Attributes
    ----------
    refusals : the entries that were not sent, in order.
    """

    params = (("spec", Threshold()),)

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self._bars_seen = dict.fromkeys(self.datas, 0)

    def prenext(self) -> None:
        """Trade what has begun: a feed that starts later delays no other."""
        self.next()

    def next(self) -> None:
        """Decide on every feed with a new bar, then send the orders, all exits first."""
        moves = [move for data in self.fresh() if (move := self.decide(data))]
        for move in moves:
            self.leave(move.data)
        for move in moves:
            if move.target:
                self.enter(move.data, move.target, move.confidence)

    def fresh(self) -> list[Any]:
        """The feeds that have a new bar, in the order of the feeds; those that have not begun have none."""
        new = [data for data, seen in self._bars_seen.items() if len(data) > seen]
        self._bars_seen.update((data, len(data)) for data in new)
        return new

    def decide(self, data: Any) -> Move | None:
        """What to do after one new bar; None to do nothing."""
        prediction, confidence = self.opinion(data)
        if math.isnan(prediction):
            return None
        size = self.getposition(data).size
        side = (size > 0) - (size < 0)
        target = self.target(prediction, confidence, side)
        # Staying flat is a move, too: it withdraws an entry that is still pending. Staying in leaves orders alone, for
        # they may protect the position.
        return Move(data, target, confidence) if target != side or not side else None

    def opinion(self, data: Any) -> tuple[float, float]:
        """The prediction and the confidence at this bar; a NaN prediction is no opinion."""
        return data.prediction[0], data.confidence[0]

    def target(self, prediction: float, confidence: float, side: int) -> int:
        """The side to be on: 1, -1 or 0."""
        return int(self.p.spec.rule(prediction, confidence, side, self.p.spec))

    def leave(self, data: Any) -> None:
        """Cancel what is pending and close what is held."""
        self.withdraw(data)
        if self.getposition(data).size:
            self.close_order(data)

    def withdraw(self, data: Any) -> None:
        """Cancel this strategy's pending orders of one feed: a forgotten order would open a position of its own."""
        for order in self.broker.get_orders_open():
            if order.data is data and order.owner is self:
                self.cancel(order)

    def enter(self, data: Any, side: int, confidence: float) -> None:
        """Open a position of the sizer's size, or remember why there is none."""
        size = self.opening_size(data, side, confidence)
        if size > 0:
            self.open_order(data, side, size)
        else:
            self.refuse(data, side, self.refusal_reason(data, confidence))

    def opening_size(self, data: Any, side: int, confidence: float) -> float:
        """Units to open from flat, not signed."""
        opening = getattr(self.sizer, "opening", None)
        return float(opening(data, confidence) if opening else abs(self.getsizing(data, isbuy=side > 0)))

    def refusal_reason(self, data: Any, confidence: float) -> str:
        """Why the opening size is 0, in one line."""
        refusal = getattr(self.sizer, "refusal", None)
        return str(refusal(data, confidence)) if refusal else f"size 0: {type(self.sizer).__name__} allows nothing"

    def refuse(self, data: Any, side: int, reason: str) -> None:
        """Remember an entry for which no order is sent."""
        self.refusals.append(Refusal(next(bt.Order.refbasis), data, data.datetime[0], side, reason))

    def open_order(self, data: Any, side: int, size: float) -> Any:
        """Send the opening order; a market order unless overridden."""
        return self.buy(data=data, size=size) if side > 0 else self.sell(data=data, size=size)

    def close_order(self, data: Any) -> Any:
        """Send the order that closes exactly what is held; a market order unless overridden."""
        return self.close(data=data)
