"""The broker's step: market orders fill at the open, stops and targets in the bar. Compiled; plain Python.

The order of events is backtrader's with the risk rule at the fill; docs/engines.md states it.
"""

import math

from engine.backtest.compiled.codes import (
    ADD,
    CANCELLED,
    COMPLETED,
    ENTRY,
    FILLS,
    GONE,
    MARGIN,
    REJECTED,
    REJECTIONS,
    SHORT_AT_FILL,
    TRADED,
    TRADES,
)
from engine.backtest.compiled.kernel_features import FEATURES
from risk.account_limits import STOP_PASSED, TARGET_PASSED, AccountExposure, with_holding
from risk.fill_limits import FillTerms, Quote, admit
from strategies._entry_order import NEXT_CLOSE

from .account import (
    cash_after_close,
    cash_after_open,
    count,
    is_fresh,
    limits_of,
    lot_of,
    mark_of,
    price_at_open,
    slipped,
    value_at_open,
)
from .cash_check import children
from .fast_admission import add_fill, clearly_fits, is_approximate
from .log_writer import close_order, explain, lack_of_cash, only_code, resize_order, write_fill
from .record_types import Order, PolicyRow, Position
from .records import Execution, Log, MarketArrays, Reason, Workspace


def work_orders(
    step: int,
    cash: float,
    waiting: int,
    arrays: MarketArrays,
    policy: PolicyRow,
    workspace: Workspace,
    log: Log,
) -> tuple[float, int]:
    """Fill the market orders of symbols with a new bar, first sent first filled.

    Returns
    -------
    The cash, and the number of orders that still wait.
    """
    left = 0
    for index in range(waiting):
        order = workspace.orders[index]
        if is_fresh(arrays, step, order.symbol):
            cash = work_order(step, cash, order, arrays, policy, workspace, log)
        else:
            if left != index:
                workspace.orders[left] = workspace.orders[index]
            left += 1
    return cash, left


def work_order(
    step: int, cash: float, order: Order, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace, log: Log
) -> float:
    """Fill a market order at the open, or reject it; the cash."""
    symbol = order.symbol
    size = order.units
    quoted = arrays.open[step, symbol]
    bound = arrays.high[step, symbol] if size > 0.0 else arrays.low[step, symbol]
    price = slipped(quoted, size, bound, policy)
    before = workspace.positions[symbol].units
    if order.kind != ENTRY and order.kind != ADD:
        value = value_at_open(step, cash, arrays, workspace.positions) if FEATURES.record else 0.0
        execution = Execution(step, size, quoted, price, value)
        left = fill_close(cash, symbol, order.id, execution, policy, workspace, log)
        if is_approximate():
            add_fill(left - cash, before, workspace.positions[symbol].units, quoted, workspace)
        return left
    execution = Execution(step, size, quoted, price, 0.0)
    if is_approximate() and order.kind == ENTRY and clearly_fits(cash, order, execution, arrays, policy, workspace):
        left = fill_open(cash, order, execution, policy, workspace, log)
        add_fill(left - cash, before, workspace.positions[symbol].units, quoted, workspace)
        return left
    value = value_at_open(step, cash, arrays, workspace.positions)
    execution = Execution(step, size, quoted, price, value)
    size = admitted_size(order, execution, arrays, policy, workspace, log)
    if size == 0.0:
        workspace.counters[REJECTIONS] += 1.0
        cancel_entry(order, REJECTED, log)
        return cash
    execution = Execution(step, size, quoted, price, value)
    left = fill_open(cash, order, execution, policy, workspace, log)
    if is_approximate():
        add_fill(left - cash, before, workspace.positions[symbol].units, quoted, workspace)
    return left


# --- fills that open


def fill_open(
    cash: float, order: Order, execution: Execution, policy: PolicyRow, workspace: Workspace, log: Log
) -> float:
    """Fill an order that opens; of one that meets a position of the other side, the part that closes comes first.

    Such a position is there where its own closing order lacked the cash at the check, and another sale of the same
    close left enough for this one.

    Returns
    -------
    The cash.
    """
    position = workspace.positions[order.symbol]
    price = execution.price
    closed = 0.0
    opened = execution.size
    interest = 0.0
    if position.units * execution.size < 0.0:
        after = position.units + execution.size
        closed, opened = (execution.size, 0.0) if after * position.units >= 0.0 else (-position.units, after)
        cash = cash_after_close(cash, closed, position.entry, price, policy)
        interest = position.due
        position.due = 0.0
    left = cash
    fails = False
    if opened != 0.0:
        left = cash_after_open(cash, opened, price, policy)
        fails = left < 0.0
        if fails:
            workspace.counters[REJECTIONS] += 1.0
            if FEATURES.record:
                explain(log, order.id, lack_of_cash(SHORT_AT_FILL, cash, left))
            if closed == 0.0:
                cancel_entry(order, MARGIN, log)
                return cash
            opened = 0.0
    size = closed + opened
    change_position(position, size, closed, price, workspace)
    if FEATURES.record:
        execution = Execution(execution.step, size, execution.quoted, price, execution.account)
        index = write_execution(order.symbol, order.id, execution, closed, interest, position.units, log)
        log.fills[index].opened = opened
    if position.units == 0.0:
        position.entry = 0.0
        position.stop = math.nan
    if fails:
        cancel_entry(order, MARGIN, log)
        return cash
    if order.kind == ENTRY and (closed == 0.0 or children(order) > 0):
        protect(execution.step, order, position, log)
    elif FEATURES.record and order.kind != ENTRY:
        resize_children(position, log)
    return left


def change_position(position: Position, size: float, closed: float, price: float, workspace: Workspace) -> None:
    """Units and entry price after a fill, of which ``closed`` units closed; count the fill."""
    before = position.units
    position.units += size
    if before == 0.0 or before * position.units < 0.0:
        position.entry = price
    elif before * size > 0.0:
        position.entry = (position.entry * before + size * price) / position.units
    if closed != 0.0 and before * position.units <= 0.0:
        workspace.counters[TRADES] += 1.0
    count_fill(size, price, workspace)


def admitted_size(
    order: Order, execution: Execution, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace, log: Log
) -> float:
    """The signed units of an opening order that the rule allows at its fill; 0 for none."""
    symbol = order.symbol
    side = 1 if order.units > 0.0 else -1
    size = abs(order.units)
    position = workspace.positions[symbol]
    adds = order.kind == ADD
    closing = min(size, abs(position.units)) if position.units * side < 0.0 else 0.0
    opening = size - closing
    if opening <= 0.0:
        return order.units
    if adds and position.units == 0.0:
        if FEATURES.record:
            explain(log, order.id, only_code(GONE))
        return 0.0
    exposure = AccountExposure(execution.account, 0.0, 0.0, 0.0, 0.0, 0.0)
    if FEATURES.gross or FEATURES.net or FEATURES.positions or FEATURES.open_risk or side < 0:
        for other in range(count(workspace.positions)):
            if other != symbol or adds:
                held = workspace.positions[other]
                exposure = with_holding(
                    exposure,
                    held.units,
                    mark_of(execution.step, other, order.trigger == NEXT_CLOSE, arrays)
                    if FEATURES.entry_orders
                    else price_at_open(execution.step, other, arrays),
                    held.stop,
                )
    price = execution.price
    stop = position.stop if adds else order.stop
    target = position.target if adds else order.target
    units_before = abs(position.units) if adds else 0.0
    quote = Quote(side, opening, units_before, execution.quoted, price, price, 0.0, stop, target, order.loss_share)
    cap = policy.cap if policy.cap_at_fill else math.inf
    verdict = admit(quote, exposure, FillTerms(cap, lot_of(policy), math.inf, limits_of(policy)), policy)
    if verdict.units == opening:
        return order.units
    admitted = side * (closing + verdict.units)
    if FEATURES.record:
        at = stop if verdict.code == STOP_PASSED else (target if verdict.code == TARGET_PASSED else price)
        reason = Reason(code=verdict.code, room=verdict.max_units, requested=opening, at=at, quoted=execution.quoted)
        explain(log, order.id, reason)
        if closing + verdict.units > 0.0:
            cut_order(order, admitted, side * verdict.units, log)
    if closing > 0.0 and verdict.units <= 0.0:
        order.stop = order.target = math.nan  # what only closes needs no protection
    return admitted if closing + verdict.units > 0.0 else 0.0


def cut_order(order: Order, size: float, opening: float, log: Log) -> None:
    """Log the smaller size of an order, and of an entry's stop and target, which protect what it opens."""
    resize_order(log, order.id, size)
    for child in range(order.id + 1, order.id + 1 + (0 if order.kind == ADD else children(order))):
        if opening != 0.0:
            resize_order(log, child, -opening)
        else:
            close_order(log, child, CANCELLED)


def cancel_entry(order: Order, status: int, log: Log) -> None:
    """Log an order that is not filled; with an entry, its stop and target are cancelled."""
    if FEATURES.record:
        close_order(log, order.id, status)
        if order.kind == ENTRY:
            for child in range(order.id + 1, order.id + 1 + children(order)):
                close_order(log, child, CANCELLED)


def protect(step: int, order: Order, position: Position, log: Log) -> None:
    """Put the stop and the target of a filled entry in place; they act from the next step on."""
    position.stop = order.stop
    position.target = order.target
    position.distance = order.distance
    position.live_from = step + 1
    position.sent = order.sent
    position.bracket = 0 if math.isnan(order.stop) and math.isnan(order.target) else (1 if order.units > 0.0 else -1)
    if FEATURES.record:
        log_protection(step, order, position, log)


def log_protection(step: int, order: Order, position: Position, log: Log) -> None:
    """Remember the ids of a filled entry's stop and target, and log the entry for the table ``stops``."""
    order_id = order.id
    position.entry_id = order_id
    position.stop_id = position.target_id = -1
    if not math.isnan(order.stop):
        order_id += 1
        position.stop_id = order_id
    if not math.isnan(order.stop) and position.units != 0.0:
        entry = log.orders[order.id]
        entry.entered = step
        entry.entry_size = position.units
        entry.entry_price = entry.price
        entry.entry_stop = order.stop
    if not math.isnan(order.target):
        position.target_id = order_id + 1


def resize_children(position: Position, log: Log) -> None:
    """Give stop and target the size of the position, after it was resized."""
    if position.bracket:
        resize_order(log, position.stop_id, -position.units)
        resize_order(log, position.target_id, -position.units)


# --- fills that close


def fill_close(
    cash: float,
    symbol: int,
    order_id: int,
    execution: Execution,
    policy: PolicyRow,
    workspace: Workspace,
    log: Log,
) -> float:
    """Fill an order that closes all or a part of a position; the cash."""
    position = workspace.positions[symbol]
    left = cash_after_close(cash, execution.size, position.entry, execution.price, policy)
    position.units += execution.size
    count_fill(execution.size, execution.price, workspace)
    if FEATURES.record:
        write_execution(symbol, order_id, execution, execution.size, position.due, position.units, log)
    position.due = 0.0
    if position.units == 0.0:
        position.entry = 0.0
        position.stop = math.nan
        position.bracket = 0
        workspace.counters[TRADES] += 1.0
    elif FEATURES.record and FEATURES.resize:
        resize_children(position, log)
    return left


def count_fill(size: float, price: float, workspace: Workspace) -> None:
    """Count a fill."""
    workspace.counters[FILLS] += 1.0
    workspace.counters[TRADED] += abs(size) * price


def write_execution(
    symbol: int, order_id: int, execution: Execution, closed: float, interest: float, after: float, log: Log
) -> int:
    """Log a fill; returns its index.

    Parameters
    ----------
    closed : units of it that closed, signed.
    interest : on the short that it closed.
    after : units held after it.
    """
    index = write_fill(log, symbol, order_id, execution)
    fill = log.fills[index]
    fill.closed = closed
    fill.opened = 0.0
    fill.interest = interest
    fill.after = after
    account = execution.account
    log.orders[order_id].share = abs(after) * execution.price / account if account > 0.0 else math.nan
    close_order(log, order_id, COMPLETED)
    return index
