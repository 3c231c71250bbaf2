"""What was sent is checked against the cash, one order after the other. Compiled; plain Python."""

import math
from typing import Any

from .account import cash_if_sent, charge, has_stop, has_target
from .log_writer import close_order, explain
from .records import CANCELLED, ENTRY, MARGIN, REJECTED, REJECTIONS, SHORT_OF_CASH, USES, Log, Workspace

SLACK = 1.000000001
"""More than all rounding of a sum can add up to."""


def check_sent(cash: float, accepted: int, waiting: int, row: Any, space: Workspace, log: Log) -> int:
    """Check the orders from ``accepted`` on, one after the other, with what those before would leave of the cash.

    Cash that a rejected order would have taken stays taken for those after it, as in backtrader.

    Returns
    -------
    How many orders wait then.
    """
    needed = 0.0
    for number in range(accepted, waiting):
        order = space.queue[number]
        needed += charge(order.units, order.price, row) + abs(order.units) * order.price
        if has_stop(row) and order.kind == ENTRY:
            needed += charge(order.units, order.stop, row) + abs(order.units) * order.stop
        if has_target(row) and order.kind == ENTRY:
            needed += charge(order.units, order.target, row) + abs(order.units) * order.target
    if cash >= needed * SLACK:  # there is enough even if every order took cash and none gave any
        return waiting
    return check_each(cash, accepted, waiting, row, space, log)


def check_each(cash: float, accepted: int, waiting: int, row: Any, space: Workspace, log: Log) -> int:
    """The check, order by order."""
    queue, units, touched = space.queue, space.clones[0], space.clones[1]
    touched[:] = 0.0
    kept = accepted
    for number in range(accepted, waiting):
        order = queue[number]
        symbol = order.symbol
        if touched[symbol] == 0.0:
            touched[symbol], units[symbol] = 1.0, space.state[symbol].units
        left, held = cash_if_sent(cash, units[symbol], order.units, order.price, row)
        refused = not left >= 0.0
        if refused:
            drop(order, cash, left, space, log)
        child = order.id
        for part in range(2):  # the stop, then the target; the first that fails takes its group with it
            price = order.stop if part == 0 else order.target
            if refused or order.kind != ENTRY or math.isnan(price):
                continue
            before, child = left, child + 1
            left, held = cash_if_sent(left, held, -order.units, price, row)
            if not left >= 0.0:
                refused = True
                drop_group(order, child, before, left, log)
        cash, units[symbol] = left, held
        if not refused:
            if kept != number:
                queue[kept] = queue[number]
            kept += 1
    return kept


def drop(order: Any, cash: float, left: float, space: Workspace, log: Log) -> None:
    """A market order goes; its stop and target are rejected with it."""
    space.tally[REJECTIONS] += 1.0
    if USES.record:
        explain(log, order.id, SHORT_OF_CASH, left, 0.0, cash, 0.0)
        close_order(log, order.id, MARGIN)
        if order.kind == ENTRY:
            for child in range(order.id + 1, order.id + 1 + children(order)):
                close_order(log, child, REJECTED)


def drop_group(order: Any, failed: int, cash: float, left: float, log: Log) -> None:
    """An entry goes because its stop or its target failed: what was accepted is cancelled, the rest is rejected."""
    if USES.record:
        for number in range(order.id, order.id + 1 + children(order)):
            close_order(log, number, CANCELLED if number < failed else REJECTED)
        explain(log, failed, SHORT_OF_CASH, left, 0.0, cash, 0.0)
        close_order(log, failed, MARGIN)


def children(order: Any) -> int:
    """How many orders hang on an entry."""
    return (0 if math.isnan(order.stop) else 1) + (0 if math.isnan(order.target) else 1)
