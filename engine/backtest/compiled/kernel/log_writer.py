"""What a kernel writes down when everything is wanted: orders, fills, stops. Compiled; plain Python.

Nothing here is called unless ``USES.record`` is set. :mod:`engine.backtest.compiled.log_reader` makes texts of it.
"""

import math
from typing import Any

from .records import (
    EARNED_WRITTEN,
    FILLS_WRITTEN,
    HALTS_WRITTEN,
    LIMIT_ORDER,
    ORDERS_WRITTEN,
    OVERFLOW,
    PENDING,
    REFUSED,
    REJECTED,
    STOP_ORDER,
    TRAIL_ORDER,
    Log,
    MarketArrays,
)

ORDERS_A_STEP = 8


def is_full(log: Log, state: Any) -> bool:
    """Whether the orders and fills of one more step might not fit; then the log says that it overflowed.

    A symbol sends at most a closing order, an entry with a stop and a target, and has two fills of what waited before.
    """
    room = ORDERS_A_STEP * len(state)
    if len(log.orders) - log.counts[ORDERS_WRITTEN] < room or len(log.fills) - log.counts[FILLS_WRITTEN] < room:
        log.counts[OVERFLOW] = 1
        return True
    return False


def place(log: Log, which: int) -> int:
    """The number of the next entry."""
    number = log.counts[which]
    log.counts[which] = number + 1
    return number


def write_order(log: Log, kind: int, symbol: int, bar: int, size: float) -> int:
    """A new order; returns its number."""
    number = place(log, ORDERS_WRITTEN)
    order = log.orders[number]
    order.kind, order.symbol, order.bar, order.status = kind, symbol, bar, PENDING
    order.size, order.cut, order.trimmed, order.filled = size, 0.0, 0.0, 0.0
    order.side = 1 if size > 0.0 else -1
    order.price, order.share = math.nan, math.nan
    order.code, order.parent, order.fill, order.entered, order.stopped, order.halt = 0, -1, -1, -1, -1, -1
    return number


def write_children(log: Log, entry: int, symbol: int, bar: int, size: float, stops: int, targets: int) -> None:
    """The stop and the target of an entry, in the order in which they are sent; 0 where there is none.

    Parameters
    ----------
    stops : 0, or 1 and 2 for one that trails.
    """
    if stops:
        kind = TRAIL_ORDER if stops == 2 else STOP_ORDER
        child = write_order(log, kind, symbol, bar, -size)
        log.orders[child].parent = entry
    if targets:
        child = write_order(log, LIMIT_ORDER, symbol, bar, -size)
        log.orders[child].parent = entry


def write_refusal(log: Log, symbol: int, bar: int, side: int) -> int:
    """An entry for which no order is sent."""
    number = write_order(log, REFUSED, symbol, bar, float(side))
    log.orders[number].status = REJECTED
    return number


def explain(log: Log, number: int, code: int, fits: float, wanted: float, at: float, quoted: float) -> None:
    """Why an order is as it is: a code, and the numbers that its text needs."""
    order = log.orders[number]
    order.code, order.fits, order.wanted, order.at, order.quoted = code, fits, wanted, at, quoted


def resize_order(log: Log, number: int, size: float) -> None:
    """Give an order another size, signed; what is taken off it is remembered, what is put on is as if asked for."""
    if number >= 0:
        order = log.orders[number]
        if abs(size) < abs(order.size):
            order.trimmed = order.trimmed + order.size - size
        order.size = size


def close_order(log: Log, number: int, status: int) -> None:
    """What became of an order."""
    if number >= 0:
        log.orders[number].status = status


def write_fill(log: Log, step: int, symbol: int, number: int, size: float, price: float) -> int:
    """A new fill of an order; what it did is added by the caller."""
    entry = place(log, FILLS_WRITTEN)
    fill = log.fills[entry]
    fill.order, fill.step, fill.symbol, fill.size, fill.price = number, step, symbol, size, price
    order = log.orders[number]
    order.fill, order.filled, order.price = entry, size, price
    return entry


def write_halt(log: Log, step: int, code: int, value: float, before: float) -> None:
    """A stop of the account that acts."""
    number = place(log, HALTS_WRITTEN)
    log.halts[number, 0], log.halts[number, 1] = step, code
    log.halts[number, 2], log.halts[number, 3] = value, before


def write_interest(log: Log, step: int, amount: float) -> None:
    """Interest on idle cash."""
    number = place(log, EARNED_WRITTEN)
    log.earned[number, 0], log.earned[number, 1] = step, amount


def write_close(log: Log, step: int, value: float, cash: float, state: Any) -> None:
    """The account at a close."""
    log.value[step], log.cash[step] = value, cash
    for symbol in range(len(state)):
        log.units[step, symbol] = state[symbol].units


def bar_of(grid: MarketArrays, step: int, symbol: int) -> int:
    """The symbol's latest bar."""
    return grid.last[step, symbol]
