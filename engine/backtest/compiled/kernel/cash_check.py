"""The check of sent orders against the cash, one after the other. Compiled; plain Python."""

import math

from engine.backtest.compiled.codes import CANCELLED, ENTRY, MARGIN, REJECTED, REJECTIONS, SHORT_OF_CASH
from engine.backtest.compiled.kernel_features import FEATURES

from .account import cash_if_sent, charge, has_stop, has_target
from .log_writer import close_order, explain, lack_of_cash
from .record_types import Order, PolicyRow
from .records import Log, Queue, Workspace

SLACK = 1.000000001
"""More than all rounding of a sum can add up to."""


def check_sent(cash: float, queue: Queue, policy: PolicyRow, workspace: Workspace, log: Log) -> int:
    """Check the orders that are not accepted yet, one after the other, with the cash that those before would leave.

    Cash that a rejected order would have taken stays taken for those after it, as in backtrader.

    Returns
    -------
    The number of orders that wait then.
    """
    needed = 0.0
    for index in range(queue.accepted, queue.waiting):
        order = workspace.orders[index]
        needed += charge(order.units, order.price, policy) + abs(order.units) * order.price
        if has_stop(policy) and order.kind == ENTRY:
            needed += charge(order.units, order.stop, policy) + abs(order.units) * order.stop
        if has_target(policy) and order.kind == ENTRY:
            needed += charge(order.units, order.target, policy) + abs(order.units) * order.target
    if cash >= needed * SLACK:  # there is enough even if every order took cash and none gave any
        return queue.waiting
    return check_each(cash, queue, policy, workspace, log)


def check_each(cash: float, queue: Queue, policy: PolicyRow, workspace: Workspace, log: Log) -> int:
    """The check, order by order."""
    orders = workspace.orders
    checked = workspace.checked
    for symbol in range(len(checked)):
        checked[symbol].is_checked = 0
    waiting = queue.accepted
    for index in range(queue.accepted, queue.waiting):
        order = orders[index]
        symbol = order.symbol
        if not checked[symbol].is_checked:
            checked[symbol].is_checked = 1
            checked[symbol].units = workspace.positions[symbol].units
        left, units = cash_if_sent(cash, checked[symbol].units, order.units, order.price, policy)
        refused = not left >= 0.0
        if refused:
            drop(order, cash, left, workspace, log)
        child = order.id
        for part in range(2):  # the stop, then the target; the first that fails takes its group with it
            price = order.stop if part == 0 else order.target
            if refused or order.kind != ENTRY or math.isnan(price):
                continue
            before = left
            child = child + 1
            left, units = cash_if_sent(left, units, -order.units, price, policy)
            if not left >= 0.0:
                refused = True
                drop_group(order, child, before, left, log)
        cash = left
        checked[symbol].units = units
        if not refused:
            if waiting != index:
                orders[waiting] = orders[index]
            waiting += 1
    return waiting


def drop(order: Order, cash: float, left: float, workspace: Workspace, log: Log) -> None:
    """Drop a market order; its stop and target are rejected with it."""
    workspace.counters[REJECTIONS] += 1.0
    if FEATURES.record:
        explain(log, order.id, lack_of_cash(SHORT_OF_CASH, cash, left))
        close_order(log, order.id, MARGIN)
        if order.kind == ENTRY:
            for child in range(order.id + 1, order.id + 1 + children(order)):
                close_order(log, child, REJECTED)


def drop_group(order: Order, failed: int, cash: float, left: float, log: Log) -> None:
    """Drop an entry whose stop or target failed: what was accepted is cancelled, the rest is rejected."""
    if FEATURES.record:
        for order_id in range(order.id, order.id + 1 + children(order)):
            close_order(log, order_id, CANCELLED if order_id < failed else REJECTED)
        explain(log, failed, lack_of_cash(SHORT_OF_CASH, cash, left))
        close_order(log, failed, MARGIN)


def children(order: Order) -> int:
    """The number of orders that hang on an entry."""
    return (0 if math.isnan(order.stop) else 1) + (0 if math.isnan(order.target) else 1)
