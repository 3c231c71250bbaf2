"""Every order and every fill of a backtrader run, with its outcome and the reason for it."""

from typing import Any

import backtrader as bt
import pandas as pd

from risk.delisting import DELISTED, DELISTING

from .audit_rows import Fill, Row, cost_rows, name_of, note_of, stop_rows

KINDS: dict[int, str] = {
    **{kind: word.lower() for kind, word in enumerate(bt.Order.ExecTypes)},
    bt.Order.StopTrail: "trail",
    bt.Order.StopLimit: "stop_limit",
    bt.Order.StopTrailLimit: "trail_limit",
}
PENDING = (bt.Order.Created, bt.Order.Submitted, bt.Order.Accepted)
STATUS: dict[int, str] = {
    **{status: word.lower() for status, word in enumerate(bt.Order.Status)},
    **dict.fromkeys(PENDING, "pending"),
    bt.Order.Canceled: "cancelled",
}
REASONS = {
    bt.Order.Partial: "filled in part by the last bar",
    bt.Order.Canceled: "cancelled before it was filled",
    bt.Order.Expired: "expired before it was filled",
    bt.Order.Margin: "not enough cash",
    bt.Order.Rejected: "rejected by the broker",
}

FOLLOWS = "follows the size of its entry"
PARTS = ("orders", "fills", "interest", "exit_reasons", "costs", "stops")


def bar_time(data: Any, number: float) -> pd.Timestamp:  # noqa: ARG001 (a clock may differ from feed to feed)
    """The aware UTC time, to the second, of backtrader's number for it."""
    return pd.Timestamp(bt.num2date(number), tz="UTC").round("s")


class RiskAudit(bt.Analyzer):
    """Rows for the tables ``orders`` and ``fills``: ``cerebro.addanalyzer(RiskAudit)``.

    Every order has a row: filled, partly filled, rejected (with the cash that was missing, if the broker is a
    :class:`~risk.bt_adapter.RiskBroker`), cancelled, and those of the last bar, which backtrader does not notify. So
    has every entry that a :class:`~strategies._backtrader.SignalStrategy` did not send because its size was 0.

    With backtrader's own broker ``share_at_fill`` is NaN: it can be known only at the moment of the fill.

    Parameters
    ----------
    clock : a callable of (feed, backtrader's number of a bar's time) that gives the aware time to write.
    symbol : a callable of the feed that gives the name to write; the feed's own by default.
    moved : a callable of a :class:`~risk.bt_adapter.audit_rows.Fill` that gives its costs ``slippage`` and ``impact``;
        those of a ``RiskBroker``'s notes by default.
    """

    params: tuple[tuple[str, Any], ...] = (("clock", bar_time), ("symbol", name_of), ("moved", None))

    def start(self) -> None:
        """Begin without any order."""
        self._orders: dict[int, Any] = {}
        self._brackets_filled: set[int] = set()
        self._fills: list[Fill] = []
        self._fills_of: dict[int, list[Row]] = {}
        self._held: dict[Any, float] = {}
        self._rows: dict[str, list[Any]] = {part: [] for part in PARTS}

    def notify_order(self, order: Any) -> None:
        """Record an order and its new fills, in the order in which they happened."""
        self._orders[order.ref] = order
        if order.parent and order.status == bt.Order.Completed:
            self._brackets_filled.add(order.parent.ref)
        for number, execution in enumerate(order.executed.iterpending(), start=order.executed.p1):
            fill = self._fill(order, number, execution)
            self._fills.append(fill)
            self._fills_of.setdefault(order.ref, []).append(fill.row)

    def stop(self) -> None:
        """Make the rows. Orders of the last bar are not notified, so the broker's own list is read, too."""
        mine = (order for order in getattr(self.strategy.broker, "orders", ()) if order.owner is self.strategy)
        entries = {**self._orders, **{order.ref: order for order in mine}}
        entries.update({refusal.ref: refusal for refusal in getattr(self.strategy, "refusals", ())})
        ids = {ref: number for number, ref in enumerate(sorted(entries), start=1)}
        reasons = getattr(self.strategy, "exit_reasons", {})
        settled = getattr(self.strategy.broker, "settled", ())
        self._rows = {
            "orders": [self._row(ids[ref], entries[ref]) for ref in sorted(entries)],
            "fills": [{"order_id": ids[fill.ref], **fill.row} for fill in self._fills],
            "interest": [fill.interest for fill in self._fills],
            "exit_reasons": [DELISTING if fill.ref in settled else reasons.get(fill.ref, "") for fill in self._fills],
            "costs": list(cost_rows(self._fills, self.strategy.broker, self.p.clock, self.p.symbol, self.p.moved)),
            "stops": list(stop_rows(ids, self.strategy.broker, self.p.clock, self.p.symbol)),
        }

    def get_analysis(self) -> dict[str, list[Any]]:
        """The rows of the run.

        ``orders``, ``fills``, ``costs`` and ``stops``: rows of these tables; slippage, impact and stops are known to a
        :class:`~risk.bt_adapter.RiskBroker` alone. For each fill, ``interest``: the short interest booked into it, and
        ``exit_reasons``: why the strategy sent it to close a position, empty where it gave no reason.
        """
        return self._rows

    def _fill(self, order: Any, number: int, execution: Any) -> Fill:
        note = note_of(self.strategy.broker, order.ref, number)
        closing = order.comminfo.getcommission(execution.closed, execution.price) if execution.closed else 0.0
        interest = note.interest if note else execution.closedcomm - closing
        self._held[order.data] = self._held.get(order.data, 0.0) + execution.size
        row: Row = {
            "time": self.p.clock(order.data, execution.dt),
            "symbol": self.p.symbol(order.data),
            "kind": kind_of(order),
            "size": execution.size,
            "price": execution.price,
            "commission": closing + execution.openedcomm,
            "position_after": note.position_after if note else self._held[order.data],
        }
        return Fill(order.ref, number, row, interest)

    def _row(self, order_id: int, entry: Any) -> Row:
        return self._order(order_id, entry) if isinstance(entry, bt.Order) else self._refusal(order_id, entry)

    def _order(self, order_id: int, order: Any) -> Row:
        fills = self._fills_of.get(order.ref, [])
        note = note_of(self.strategy.broker, order.ref, len(fills) - 1)
        trimmed = self._trimmed(order)
        return {
            "order_id": order_id,
            "created_at": self.p.clock(order.data, order.created.dt),
            "symbol": self.p.symbol(order.data),
            "kind": kind_of(order),
            "side": "buy" if order.isbuy() else "sell",
            "asked": order.created.size + trimmed,
            "trimmed": trimmed,
            "filled": order.executed.size,
            "price": fills[0]["price"] if len(fills) == 1 else order.executed.price if fills else float("nan"),
            "commission": sum([row["commission"] for row in fills]),
            "status": STATUS[order.status],
            "reason": self._reason(order, trimmed),
            "share_at_fill": note.share_at_fill if note else float("nan"),
            "decision": self._decision(order),
        }

    def _decision(self, order: Any) -> str:
        """The strategy's word for an order; empty for a stop or a target, and where it gave none."""
        if order.parent:
            return ""
        if order.ref in getattr(self.strategy.broker, "settled", ()):
            return DELISTING
        words = (getattr(self.strategy, name, {}).get(order.ref) for name in ("exit_reasons", "decisions"))
        return next((word for word in words if word), "")

    def _refusal(self, order_id: int, refusal: Any) -> Row:
        return {
            "order_id": order_id,
            "created_at": self.p.clock(refusal.data, refusal.created),
            "symbol": self.p.symbol(refusal.data),
            "kind": "market",
            "side": "buy" if refusal.side > 0 else "sell",
            "asked": refusal.requested,
            **dict.fromkeys(("trimmed", "filled", "commission"), 0.0),
            **dict.fromkeys(("price", "share_at_fill"), float("nan")),
            "status": "rejected",
            "reason": refusal.reason,
            "decision": refusal.decision,
        }

    def _trimmed(self, order: Any) -> float:
        """Units taken off an order, at the signal by the strategy and at the fill by the broker, signed like it."""
        at_signal = order.info.get("trimmed", 0.0) * (1.0 if order.isbuy() else -1.0)
        return float(at_signal + getattr(self.strategy.broker, "trims", {}).get(order.ref, 0.0))

    def _reason(self, order: Any, trimmed: float) -> str:
        if order.status in PENDING:
            last = order.created.dt >= order.data.datetime[0]
            return (
                f"no later bar of {self.p.symbol(order.data)}" if last else "its price was not reached by the last bar"
            )
        recorded = getattr(self.strategy.broker, "reasons", {}).get(order.ref) or order.info.get("why")
        if order.parent and order.status == bt.Order.Canceled and recorded != DELISTED:
            return self._why_cancelled(order)
        return str(recorded or (FOLLOWS if order.parent and trimmed else REASONS.get(order.status, "")))

    def _why_cancelled(self, child: Any) -> str:
        """The reason why an order of a bracket was cancelled."""
        if child.parent.status != bt.Order.Completed:
            return "its entry was not filled"
        filled = child.parent.ref in self._brackets_filled
        return "the other order of its bracket was filled" if filled else "its position was closed by the strategy"


def kind_of(order: Any) -> str:
    """``market``, ``stop``, ``limit``, ``trail`` or backtrader's own word."""
    return KINDS[order.exectype]
