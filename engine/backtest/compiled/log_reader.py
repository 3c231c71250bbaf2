"""From a kernel's log to the rows of the tables, in the words that the backtrader engine uses."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from engine.backtest.compiled.codes import (
    AT_SIGNAL,
    CANCELLED,
    CHARGES_WRITTEN,
    CLOSE_ORDER,
    COMPLETED,
    DELISTED,
    EXIT,
    EXPIRED,
    FILLS_WRITTEN,
    GONE,
    HALT,
    HALTS_WRITTEN,
    INTEREST_WRITTEN,
    LOW_ENTRY,
    LOW_STOP,
    LOW_TARGET,
    MARGIN,
    NO_ENTRY,
    NO_SIZE,
    NO_STOP,
    NO_TARGET,
    ONLY_CLOSES,
    ORDERS_WRITTEN,
    PENDING,
    REFUSED,
    REJECTED,
    RESIZED,
    SHORT_AT_FILL,
    SHORT_OF_CASH,
)
from engine.backtest.compiled.kernel.records import Log
from engine.backtest.engine_output import BacktestInput, EngineOutput
from risk.account_limits import STOP_PASSED, TARGET_PASSED, message
from risk.account_stops import HALTS
from risk.costs import commission
from risk.delisting import DELISTED as DELISTED_TEXT
from risk.delisting import DELISTING
from risk.fill_limits import fill_message
from strategies._backtrader.account import Halt
from strategies._backtrader.entry_orders import expired
from strategies._backtrader.signal_strategy import RESIZE

KINDS = ("market", "stop", "limit", "trail", "market", "close")
STATUSES = ("pending", "completed", "cancelled", "margin", "rejected")
PLAIN = {CANCELLED: "cancelled before it was filled", MARGIN: "not enough cash", REJECTED: "rejected by the broker"}
FOLLOWS = "follows the size of its entry"


class LogReader:
    """Reads the log of one run.

    Parameters
    ----------
    log : as the kernel left it.
    task : of the run.
    """

    def __init__(self, log: Log, task: BacktestInput) -> None:
        self._task = task
        self._symbols = tuple(task.bars)
        self._orders: Any = _written(log, log.orders, ORDERS_WRITTEN)
        self._fills: Any = _written(log, log.fills, FILLS_WRITTEN)
        halts = _written(log, log.halts, HALTS_WRITTEN)
        self._halts = [self._halt(row) for row in halts]
        self._halt_steps = [int(row["step"]) for row in halts]
        self._interest = _written(log, log.interest, INTEREST_WRITTEN)
        self._charges = _written(log, log.charges, CHARGES_WRITTEN)
        self._log = log

    def engine_output(self, due: "np.ndarray[Any, Any]") -> EngineOutput:
        """The output of the engine.

        Parameters
        ----------
        due : (N,) interest of each short that no fill has booked yet.
        """
        fills = [self._fill(fill) for fill in self._fills]
        return EngineOutput(
            value=self._log.value,
            cash=self._log.cash,
            units=self._log.units,
            orders=[self._order(order_id, order) for order_id, order in enumerate(self._orders, start=1)],
            fills=fills,
            costs=list(self._costs(fills)),
            stops=list(self._stops()),
            interest=[float(fill["interest"]) for fill in self._fills],
            exit_reasons=[self._exit_reason(self._orders[fill["order"]]) for fill in self._fills],
            due=dict(zip(self._symbols, map(float, due), strict=True)),
            halts=[(step, halt.text) for step, halt in zip(self._halt_steps, self._halts, strict=True)],
        )

    def _halt(self, row: Any) -> Halt:
        return Halt(HALTS[int(row["code"])], float(row["step"]), float(row["value"]), float(row["reference"]))

    def _bar_time(self, symbol: int, bar: int) -> pd.Timestamp:
        return self._task.timeline.closes[self._symbols[symbol]][int(bar)]

    def _last_bar(self, symbol: int, step: int) -> int:
        """The index of a symbol's latest bar at a step."""
        return int(np.searchsorted(self._task.timeline.rows[self._symbols[symbol]], step, side="right")) - 1

    def _time(self, symbol: int, step: int) -> pd.Timestamp:
        """The close of a symbol's bar at a step; the time of the step where it has none."""
        bar = self._last_bar(symbol, step)
        has_bar = self._task.timeline.rows[self._symbols[symbol]][bar] == step
        return self._bar_time(symbol, bar) if has_bar else self._task.timeline.times[step]

    def _paid(self, fill: Any) -> float:
        price = float(fill["price"])
        closing = commission(float(fill["closed"]), price, self._task.broker)
        return closing + commission(float(fill["opened"]), price, self._task.broker)

    def _fill(self, fill: Any) -> dict[str, Any]:
        return {
            "order_id": int(fill["order"]) + 1,
            "time": self._time(int(fill["symbol"]), int(fill["step"])),
            "symbol": self._symbols[int(fill["symbol"])],
            "kind": KINDS[int(self._orders[fill["order"]]["kind"])],
            "size": float(fill["size"]),
            "price": float(fill["price"]),
            "commission": self._paid(fill),
            "position_after": float(fill["after"]),
        }

    def _order(self, order_id: int, order: Any) -> dict[str, Any]:
        kind = int(order["kind"])
        symbol = int(order["symbol"])
        common = {
            "order_id": order_id,
            "created_at": self._time(symbol, int(order["step"])),
            "symbol": self._symbols[symbol],
            "kind": KINDS[kind],
            "side": "buy" if order["side"] > 0 else "sell",
        }
        trimmed = float(order["cut"] * (1.0 if order["side"] > 0 else -1.0) + order["trimmed"])
        if kind == REFUSED:
            numbers = {"asked": float(order["size"]), **dict.fromkeys(("trimmed", "filled", "commission"), 0.0)}
        else:
            paid = self._paid(self._fills[order["fill"]]) if order["fill"] >= 0 else 0
            numbers = {
                "asked": float(order["size"]) + trimmed,
                "trimmed": trimmed,
                "filled": float(order["filled"]),
                "commission": paid,
            }
        return {
            **common,
            **numbers,
            "price": float(order["price"]),
            "status": STATUSES[int(order["status"])],
            "reason": self._reason(order, trimmed),
            "share_at_fill": float(order["share"]),
            "decision": self._decision(order),
        }

    def _decision(self, order: Any) -> str:
        """The strategy's word for an order; empty for a stop or a target."""
        if order["parent"] >= 0:
            return ""
        if order["kind"] != REFUSED and (reason := self._exit_reason(order)):
            return reason
        return RESIZE if order["reason"] == RESIZED else self._words(order)

    def _words(self, order: Any) -> str:
        """The rule's reason of an order."""
        reasons = self._task.strategy.reasons
        return str(reasons[int(order["reason"])]) if reasons and order["reason"] >= 0 else "signal"

    def _reason(self, order: Any, trimmed: float) -> str:
        status = int(order["status"])
        parent = int(order["parent"])
        if status == PENDING:
            symbol = self._symbols[int(order["symbol"])]
            last = self._last_bar(int(order["symbol"]), int(order["step"])) >= len(self._task.bars[symbol]) - 1
            return f"no later bar of {symbol}" if last else "its price was not reached by the last bar"
        if parent >= 0 and status == CANCELLED and order["code"] != DELISTED:
            if self._orders[parent]["status"] != COMPLETED:
                return "its entry was not filled"
            other = any(child["status"] == COMPLETED for child in self._children(parent))
            return "the other order of its bracket was filled" if other else "its position was closed by the strategy"
        text = self._text(order)
        return text or (FOLLOWS if parent >= 0 and trimmed else PLAIN.get(status, ""))

    def _children(self, parent: int) -> Iterator[Any]:
        """The stop and the target of an entry."""
        for order in self._orders[parent + 1 : parent + 3]:
            if order["parent"] == parent:
                yield order

    def _text(self, order: Any) -> str:
        """The text of a code; empty for none."""
        code = int(order["code"])
        room, requested, at, quoted = (float(order[name]) for name in ("room", "requested", "at", "quoted"))
        if code == 0:
            return ""
        if code in (STOP_PASSED, TARGET_PASSED):
            return fill_message(code, room, requested, at, quoted, at)
        if code < AT_SIGNAL:
            return message(code, "fill", room, requested, at)
        if code < 2 * AT_SIGNAL:
            return message(code - AT_SIGNAL, "signal", room, requested, at)
        if code == HALT and order["kind"] == REFUSED:
            return f"{self._halts[int(order['halt'])].word} stop: no new position for {int(at)} more bars"
        if code == HALT:
            return self._halts[int(at)].text
        texts = {
            EXPIRED: expired(self._task.strategy.entry_order.bars if self._task.strategy.entry_order else 0),
            NO_ENTRY: "no entry price yet: its average true range needs more bars",
            LOW_ENTRY: f"no entry price: it would lie at {at:g}, below any price (the close is {quoted:g})",
            DELISTED: DELISTED_TEXT,
            ONLY_CLOSES: "only closes: a bracket's order never opens a position",
            GONE: "nothing to resize: the position was closed before",
            SHORT_OF_CASH: f"not enough cash at submission: {at:.2f} available, {room:.2f} would be left",
            SHORT_AT_FILL: f"not enough cash at the fill: {at:.2f} available, {room:.2f} would be left",
            NO_SIZE: f"size 0: the rule allows {room:.6g} units, the lot is {self._task.broker.lot:g}",
            NO_STOP: "no stop yet: its average true range needs more bars",
            NO_TARGET: "no target yet: its average true range needs more bars",
            LOW_STOP: f"no stop: it would lie at {at:g}, below any price (the close is {quoted:g})",
            LOW_TARGET: f"no target: it would lie at {at:g}, below any price (the close is {quoted:g})",
        }
        return texts[code]

    def _exit_reason(self, order: Any) -> str:
        if order["halt"] == HALT:
            return self._halts[int(order["reason"])].word
        if order["halt"] == DELISTED:
            return DELISTING
        if order["halt"] != EXIT:
            return ""
        if order["reason"] >= 0:
            return self._words(order)
        held = int(order["bars_held"])
        return str(self._task.strategy.exit_reason(float(order["prediction"]), int(np.sign(held)), abs(held)))

    def _costs(self, fills: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row, fill in zip(fills, self._fills, strict=True):
            slippage = float(fill["size"] * (fill["price"] - fill["quoted"]))
            for kind, amount in {"commission": row["commission"], "slippage": slippage}.items():
                if amount != 0.0:
                    yield {"time": row["time"], "symbol": row["symbol"], "kind": kind, "amount": amount}
        for charge in self._charges:
            symbol = int(charge["symbol"])
            time, name = self._time(symbol, int(charge["step"])), self._symbols[symbol]
            yield {"time": time, "symbol": name, "kind": "short_interest", "amount": float(charge["amount"])}
        for interest in self._interest:
            time = self._first_close(int(interest["step"]))
            yield {"time": time, "symbol": "", "kind": "cash_interest", "amount": -float(interest["amount"])}

    def _first_close(self, step: int) -> pd.Timestamp:
        """The close of the first symbol with a bar at a step; interest on cash is dated by it."""
        for symbol, name in enumerate(self._symbols):
            rows = self._task.timeline.rows[name]
            bar = int(np.searchsorted(rows, step))
            if bar < len(rows) and rows[bar] == step:
                return self._bar_time(symbol, bar)
        return self._task.timeline.times[step]

    def _stops(self) -> Iterator[dict[str, Any]]:
        for order_id, order in enumerate(self._orders, start=1):
            if order["entered"] < 0:
                continue
            symbol = int(order["symbol"])
            is_hit = order["stopped"] >= 0
            entered = self._time(symbol, int(order["entered"]))
            bars = self._task.bars[self._symbols[symbol]]
            row = int(bars.times.searchsorted(entered))
            extremes = bars.low if order["entry_size"] > 0 else bars.high
            missed = bars.close if order["kind"] == CLOSE_ORDER else extremes  # of the bar, what came after the entry
            nothing = float("nan")
            yield {
                "order_id": order_id,
                "symbol": self._symbols[symbol],
                "entered_at": entered,
                "size": float(order["entry_size"]),
                "entry_price": float(order["entry_price"]),
                "stop_price": float(order["entry_stop"]),
                "bar_extreme": float(missed[row]),
                "bar_close": float(bars.close[row]),
                "stopped_at": self._time(symbol, int(order["stopped"])) if is_hit else pd.NaT,
                "stopped_size": float(order["stopped_size"]) if is_hit else nothing,
                "trigger": float(order["trigger"]) if is_hit else nothing,
                "quoted": float(order["stopped_at"]) if is_hit else nothing,
            }


def _written(log: Log, rows: Any, which: int) -> Any:
    """The rows of one of the log's arrays that were written."""
    return rows[: int(log.counts[which])]
