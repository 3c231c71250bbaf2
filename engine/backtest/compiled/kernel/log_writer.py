"""The log of a run: orders, fills, stops of the account, interest. Compiled; plain Python.

Nothing here is called unless ``FEATURES.record`` is set. :mod:`engine.backtest.compiled.log_reader` makes texts of it.
"""

import math

from engine.backtest.compiled.codes import (
    CHARGES_WRITTEN,
    FILLS_WRITTEN,
    HALTS_WRITTEN,
    INTEREST_WRITTEN,
    LIMIT_ORDER,
    ORDERS_WRITTEN,
    OVERFLOW,
    PENDING,
    REFUSED,
    REJECTED,
    STOP_ORDER,
    TRAIL_ORDER,
)

from .record_types import Position, Records
from .records import Execution, Log, Reason

ORDERS_A_STEP = 8


def is_full(log: Log, positions: Records[Position]) -> bool:
    """True if the rows of one more step might not fit; the log is then marked as overflowed.

    A symbol sends at most a closing order, an entry with a stop and a target, has two fills of what waited before, and
    is charged interest once.
    """
    room = ORDERS_A_STEP * len(positions)
    left = min(len(log.orders) - log.counts[ORDERS_WRITTEN], len(log.fills) - log.counts[FILLS_WRITTEN])
    if left < room or len(log.charges) - log.counts[CHARGES_WRITTEN] < len(positions):
        log.counts[OVERFLOW] = 1
        return True
    return False


def next_row(log: Log, which: int) -> int:
    """The index of a new row; ``which`` of the log's arrays it is in is one of the places in ``Log.counts``."""
    index = log.counts[which]
    log.counts[which] = index + 1
    return index


def write_order(log: Log, kind: int, symbol: int, step: int, size: float) -> int:
    """A new order, decided at a step; returns its id."""
    order_id = next_row(log, ORDERS_WRITTEN)
    order = log.orders[order_id]
    order.kind = kind
    order.symbol = symbol
    order.step = step
    order.status = PENDING
    order.size = size
    order.side = 1 if size > 0.0 else -1
    order.cut = order.trimmed = order.filled = 0.0
    order.price = order.share = math.nan
    order.code = 0
    order.parent = order.fill = order.entered = order.stopped = order.halt = -1
    order.reason = -1
    return order_id


def write_children(log: Log, entry: int, symbol: int, step: int, size: float, stops: int, targets: int) -> None:
    """The stop and the target of an entry, in the order in which they are sent; 0 where there is none.

    Parameters
    ----------
    stops : 0, or 1 and 2 for one that trails.
    """
    if stops:
        kind = TRAIL_ORDER if stops == 2 else STOP_ORDER
        child = write_order(log, kind, symbol, step, -size)
        log.orders[child].parent = entry
    if targets:
        child = write_order(log, LIMIT_ORDER, symbol, step, -size)
        log.orders[child].parent = entry


def write_refusal(log: Log, symbol: int, step: int, side: int, units: float) -> int:
    """An entry of so many units, not signed, for which no order is sent; returns its id."""
    order_id = write_order(log, REFUSED, symbol, step, side * units)
    log.orders[order_id].side = side
    log.orders[order_id].status = REJECTED
    return order_id


def only_code(code: int) -> Reason:
    """A reason whose text needs no numbers."""
    return Reason(code=code, room=0.0, requested=0.0, at=0.0, quoted=0.0)


def lack_of_cash(code: int, cash: float, left: float) -> Reason:
    """The reason of an order that takes more than the cash."""
    return Reason(code=code, room=left, requested=0.0, at=cash, quoted=0.0)


def explain(log: Log, order_id: int, reason: Reason) -> None:
    """Write the reason of an order's status."""
    order = log.orders[order_id]
    order.code = reason.code
    order.room = reason.room
    order.requested = reason.requested
    order.at = reason.at
    order.quoted = reason.quoted


def resize_order(log: Log, order_id: int, size: float) -> None:
    """Give an order another size, signed; a reduction is remembered, an increase counts as requested."""
    if order_id >= 0:
        order = log.orders[order_id]
        if abs(size) < abs(order.size):
            order.trimmed = order.trimmed + order.size - size
        order.size = size


def close_order(log: Log, order_id: int, status: int) -> None:
    """The final status of an order."""
    if order_id >= 0:
        log.orders[order_id].status = status


def write_fill(log: Log, symbol: int, order_id: int, execution: Execution) -> int:
    """A new fill of an order; its effects are added by the caller."""
    index = next_row(log, FILLS_WRITTEN)
    fill = log.fills[index]
    fill.order = order_id
    fill.step = execution.step
    fill.symbol = symbol
    fill.size = execution.size
    fill.price = execution.price
    fill.quoted = execution.quoted
    order = log.orders[order_id]
    order.fill = index
    order.filled = execution.size
    order.price = execution.price
    return index


def write_halt(log: Log, step: int, code: int, value: float, reference: float) -> None:
    """A stop of the account that acts."""
    halt = log.halts[next_row(log, HALTS_WRITTEN)]
    halt.step = step
    halt.code = code
    halt.value = value
    halt.reference = reference


def last_halt(log: Log) -> int:
    """The index of the latest stop of the account; -1 before the first."""
    return log.counts[HALTS_WRITTEN] - 1


def write_interest(log: Log, step: int, amount: float) -> None:
    """Interest on idle cash."""
    interest = log.interest[next_row(log, INTEREST_WRITTEN)]
    interest.step = step
    interest.symbol = -1
    interest.amount = amount


def write_charge(log: Log, step: int, symbol: int, amount: float) -> None:
    """Interest that a short pays."""
    if amount != 0.0:
        charge = log.charges[next_row(log, CHARGES_WRITTEN)]
        charge.step = step
        charge.symbol = symbol
        charge.amount = amount


def write_close(log: Log, step: int, value: float, cash: float, positions: Records[Position]) -> None:
    """The account at a close."""
    log.value[step] = value
    log.cash[step] = cash
    for symbol in range(len(positions)):
        log.units[step, symbol] = positions[symbol].units
