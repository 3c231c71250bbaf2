"""Every order and every fill of a backtrader run, with what became of it and why."""

from typing import Any

import backtrader as bt
import pandas as pd

Row = dict[str, Any]

KINDS = {bt.Order.StopTrail: "trail", bt.Order.StopLimit: "stop_limit", bt.Order.StopTrailLimit: "trail_limit"}
PENDING = (bt.Order.Created, bt.Order.Submitted, bt.Order.Accepted)
STATUS = {**dict.fromkeys(PENDING, "pending"), bt.Order.Canceled: "cancelled"}
REASONS = {
    bt.Order.Partial: "filled in part by the last bar",
    bt.Order.Canceled: "cancelled before it was filled",
    bt.Order.Expired: "expired before it was filled",
    bt.Order.Margin: "not enough cash",
    bt.Order.Rejected: "rejected by the broker",
}


def bar_time(data: Any, number: float) -> pd.Timestamp:  # noqa: ARG001 (a clock may differ from feed to feed)
    """The aware UTC time, to the second, behind backtrader's number for it."""
    return pd.Timestamp(bt.num2date(number), tz="UTC").round("s")


class RiskAudit(bt.Analyzer):
    """Rows for the tables ``orders`` and ``fills``: ``cerebro.addanalyzer(RiskAudit)``.

    Every order has a row: filled, partly filled, rejected (with the cash that was lacking, if the broker is a
    :class:`~risk.bt_adapter.RiskBroker`), cancelled, and those of the last bar, of which backtrader says nothing. So
    has every entry that a :class:`~strategies._backtrader.SignalStrategy` did not send because its size was 0.

    With backtrader's own broker ``share_at_fill`` is NaN: it can be known only at the moment of the fill.

    Parameters
    ----------
    clock : a callable of (feed, backtrader's number of a bar's time) that gives the aware time to write.
    """

    params = (("clock", bar_time),)

    def start(self) -> None:
        """Begin with an empty book."""
        self._orders: dict[int, Any] = {}
        self._fills: list[tuple[int, Row, float]] = []
        self._fills_of: dict[int, list[Row]] = {}
        self._held: dict[Any, float] = {}
        self._rows: dict[str, list[Any]] = {"orders": [], "fills": [], "interest": [], "exit_reasons": []}

    def notify_order(self, order: Any) -> None:
        """Take down an order's news; its fills come with it, in the order in which they happened."""
        self._orders[order.ref] = order
        for number, bit in enumerate(order.executed.iterpending(), start=order.executed.p1):
            row, interest = self._fill(order, number, bit)
            self._fills.append((order.ref, row, interest))
            self._fills_of.setdefault(order.ref, []).append(row)

    def stop(self) -> None:
        """Close the book. Orders of the last bar bring no news, so the broker's own list is asked, too."""
        mine = (order for order in getattr(self.strategy.broker, "orders", ()) if order.owner is self.strategy)
        entries = {**self._orders, **{order.ref: order for order in mine}}
        entries.update({refusal.ref: refusal for refusal in getattr(self.strategy, "refusals", ())})
        ids = {ref: number for number, ref in enumerate(sorted(entries), start=1)}
        reasons = getattr(self.strategy, "exit_reasons", {})
        self._rows = {
            "orders": [self._row(ids[ref], entries[ref]) for ref in sorted(entries)],
            "fills": [{"order_id": ids[ref], **row} for ref, row, _ in self._fills],
            "interest": [interest for _, _, interest in self._fills],
            "exit_reasons": [reasons.get(ref, "") for ref, _, _ in self._fills],
        }

    def get_analysis(self) -> dict[str, list[Any]]:
        """What the run left behind.

        ``orders`` and ``fills``: rows of these tables. For each fill, ``interest``: the short interest booked into it,
        and ``exit_reasons``: why the strategy sent it to close a position, empty where it did not say.
        """
        return self._rows

    def _fill(self, order: Any, number: int, bit: Any) -> tuple[Row, float]:
        note = self._note(order.ref, number)
        closing = order.comminfo.getcommission(bit.closed, bit.price) if bit.closed else 0.0
        interest = note.interest if note else bit.closedcomm - closing
        self._held[order.data] = self._held.get(order.data, 0.0) + bit.size
        row: Row = {
            "time": self.p.clock(order.data, bit.dt),
            "symbol": name_of(order.data),
            "kind": kind_of(order),
            "size": bit.size,
            "price": bit.price,
            "commission": closing + bit.openedcomm,
            "position_after": note.position_after if note else self._held[order.data],
        }
        return row, interest

    def _note(self, ref: int, number: int) -> Any:
        return getattr(self.strategy.broker, "notes", {}).get((ref, number))

    def _row(self, order_id: int, entry: Any) -> Row:
        return self._order(order_id, entry) if isinstance(entry, bt.Order) else self._refusal(order_id, entry)

    def _order(self, order_id: int, order: Any) -> Row:
        fills = self._fills_of.get(order.ref, [])
        note = self._note(order.ref, len(fills) - 1)
        return {
            "order_id": order_id,
            "created_at": self.p.clock(order.data, order.created.dt),
            "symbol": name_of(order.data),
            "kind": kind_of(order),
            "side": "buy" if order.isbuy() else "sell",
            "asked": order.created.size,
            "trimmed": 0.0,
            "filled": order.executed.size,
            "price": fills[0]["price"] if len(fills) == 1 else order.executed.price if fills else float("nan"),
            "commission": sum(row["commission"] for row in fills),
            "status": STATUS.get(order.status, order.getstatusname().lower()),
            "reason": self._reason(order),
            "share_at_fill": note.share_at_fill if note else float("nan"),
        }

    def _refusal(self, order_id: int, refusal: Any) -> Row:
        return {
            "order_id": order_id,
            "created_at": self.p.clock(refusal.data, refusal.created),
            "symbol": name_of(refusal.data),
            "kind": "market",
            "side": "buy" if refusal.side > 0 else "sell",
            **dict.fromkeys(("asked", "trimmed", "filled", "commission"), 0.0),
            **dict.fromkeys(("price", "share_at_fill"), float("nan")),
            "status": "rejected",
            "reason": refusal.reason,
        }

    def _reason(self, order: Any) -> str:
        if order.status in PENDING:
            last = order.created.dt >= order.data.datetime[0]
            return f"no later bar of {name_of(order.data)}" if last else "its price was not reached by the last bar"
        known = getattr(self.strategy.broker, "reasons", {}).get(order.ref)
        return str(known or REASONS.get(order.status, ""))


def name_of(data: Any) -> str:
    """The feed's name."""
    return str(data._name)


def kind_of(order: Any) -> str:
    """``market``, ``stop``, ``limit``, ``trail`` or backtrader's own word."""
    return str(KINDS.get(order.exectype, order.getordername().lower()))
