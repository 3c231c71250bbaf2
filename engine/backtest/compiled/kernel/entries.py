"""Entries and resizes at a close, within the account's limits. Compiled; plain Python.

The order of events is that of :class:`strategies._backtrader.SignalStrategy`.
"""

import math
from typing import Any

from risk.account_limits import AccountExposure, headroom, settle, with_holding
from risk.sizing import DUST, lot_floor, resize_units, units_for_loss
from risk.stops import stop_price, target_price

from .account import (
    count,
    has_stop,
    has_target,
    is_stop_mode,
    limits_of,
    lot_of,
    opening_size,
    opening_units,
    stop_distance,
    target_distance,
    trails,
)
from .decisions import stays
from .log_writer import bar_of, explain, write_children, write_order, write_refusal
from .records import (
    ADD,
    AT_SIGNAL,
    ENTRY,
    HALT,
    LOW_STOP,
    LOW_TARGET,
    MARKET_ORDER,
    NO_SIZE,
    NO_STOP,
    NO_TARGET,
    REDUCE,
    REJECTIONS,
    USES,
    Log,
    MarketArrays,
    Workspace,
)


def enter_all(
    step: int,
    wanting: int,
    waiting: int,
    sent: int,
    value: float,
    left: int,
    grid: MarketArrays,
    row: Any,
    space: Workspace,
    log: Log,
) -> tuple[int, int]:
    """Send the entries and the resizes of a close, in the order of the symbols, within the account's limits.

    Parameters
    ----------
    wanting : as :func:`~engine.backtest.compiled.kernel.decisions.ask` gives it.
    left : bars until trading resumes after a stop of the account; 0 while it goes on.
    """
    added = 0
    space.plan[0] = 0.0
    if USES.resize:
        for symbol in range(count(space.state)):
            held = space.state[symbol]
            held.planned = 0.0 if held.leaves else held.units
    for number in range(wanting):
        symbol = space.picks[2, number]
        held = space.state[symbol]
        if not stays(held):
            if held.wish != 0:
                waiting, sent, added = enter(step, symbol, waiting, sent, added, value, left, grid, row, space, log)
        elif USES.resize and row.resize and not held.leaves and left == 0:
            waiting, sent = resize(step, symbol, waiting, sent, added, value, grid, row, space, log)
        if waiting > len(space.queue):
            return waiting, sent
    return waiting, sent


def planned_book(value: float, added: int, step: int, grid: MarketArrays, space: Workspace) -> AccountExposure:
    """What will be held after the orders of this close so far: positions that stay, then entries in order."""
    state, book, plan = space.state, AccountExposure(value, 0.0, 0.0, 0.0, 0.0, 0.0), space.plan
    if not USES.resize and plan[0] > 0.0:  # nothing that stays is resized: the sums go on from where they were
        book = AccountExposure(value, plan[1], plan[2], plan[3], plan[4], plan[5])
        first = int(plan[0]) - 1
    else:
        first = 0
        for symbol in range(count(state)):
            held = state[symbol]
            if not held.leaves and held.units != 0.0:
                units = held.planned if USES.resize else held.units
                book = with_holding(book, units, grid.close[step, symbol], held.stop)
    for number in range(first, added):
        symbol = space.picks[1, number]
        book = with_holding(book, state[symbol].planned, grid.close[step, symbol], space.clones[2, symbol])
    plan[0], plan[1], plan[2], plan[3] = added + 1.0, book.gross, book.net, book.short
    plan[4], plan[5] = book.positions, book.open_risk
    return book


def fits_plan(
    step: int,
    side: int,
    units: float,
    close: float,
    stop: float,
    is_new: bool,
    added: int,
    value: float,
    grid: MarketArrays,
    row: Any,
    space: Workspace,
) -> tuple[float, int, float]:
    """How many units the account's limits admit at the signal, the code of what holds them back, and its room."""
    if USES.gross or USES.net or USES.positions or USES.open_risk or side < 0:
        book = planned_book(value, added, step, grid, space)
    else:
        book = AccountExposure(value, 0.0, 0.0, 0.0, 0.0, 0.0)
    limits = limits_of(row)
    fits, code = headroom(side, close, stop, is_new, book, limits)
    admitted, code = settle(units, fits, code, close, lot_of(row), max(limits.min_order, DUST * value))
    return admitted, code, fits


def enter(
    step: int,
    symbol: int,
    waiting: int,
    sent: int,
    added: int,
    value: float,
    left: int,
    grid: MarketArrays,
    row: Any,
    space: Workspace,
    log: Log,
) -> tuple[int, int, int]:
    """Send an entry of the rule's size with its stop and target, or write down why there is none."""
    held = space.state[symbol]
    side, close, confidence = held.wish, grid.close[step, symbol], grid.confidence[step, symbol]
    away = stop_distance(step, symbol, close, grid, row)
    stop, target = stop_price(side, close, away), math.nan
    if has_target(row):
        target = target_price(side, close, target_distance(step, symbol, close, grid, row))
    code = barred(left, stop, target, row)
    units = 0.0 if code else opening_size(side, confidence, value, close, stop, row)
    if units <= 0.0:
        space.tally[REJECTIONS] += 1.0
        if USES.record:
            number = write_refusal(log, symbol, bar_of(grid, step, symbol), side)
            allowed = 0.0 if code else opening_units(side, confidence, value, close, stop, row)
            at = stop if code == LOW_STOP else (target if code == LOW_TARGET else float(left))
            explain(log, number, code if code else NO_SIZE, allowed, 0.0, at, close)
            log.orders[number].halt = log.counts[2] - 1
        return waiting, sent, added
    admitted, code, fits = fits_plan(step, side, units, close, stop, True, added, value, grid, row, space)
    held.planned = side * admitted
    space.clones[2, symbol], space.picks[1, added] = stop, symbol
    added += 1
    if admitted <= 0.0:
        refuse(step, symbol, side, code, fits, units, close, grid, space, log)
        return waiting, sent, added
    if waiting >= len(space.queue):
        return waiting + 1, sent, added
    order = space.queue[waiting]
    order.symbol, order.kind, order.units, order.sent = symbol, ENTRY, side * admitted, sent
    order.price, order.stop, order.target, order.distance = close, stop, target, away
    order.loss_share = row.base * confidence if is_stop_mode(row) and row.cap_at_fill else math.inf
    order.id = -1
    if USES.record:
        order.id = note_order(step, symbol, side, admitted, units, code, fits, close, grid, log)
        stops = 0 if math.isnan(stop) else (2 if trails(row) else 1)
        write_children(
            log, order.id, symbol, bar_of(grid, step, symbol), side * admitted, stops, 0 if math.isnan(target) else 1
        )
    return waiting + 1, sent + 1, added


def barred(left: int, stop: float, target: float, row: Any) -> int:
    """Why no position may be opened at all; 0 if one may."""
    if USES.halts and left > 0:
        return HALT
    if has_stop(row) and math.isnan(stop):
        return NO_STOP
    if has_stop(row) and stop <= 0.0:
        return LOW_STOP
    if has_target(row) and math.isnan(target):
        return NO_TARGET
    if has_target(row) and target <= 0.0:
        return LOW_TARGET
    return 0


def resize(
    step: int,
    symbol: int,
    waiting: int,
    sent: int,
    added: int,
    value: float,
    grid: MarketArrays,
    row: Any,
    space: Workspace,
    log: Log,
) -> tuple[int, int]:
    """Move a position back to the rule's size if it is off by more than the band."""
    held = space.state[symbol]
    side, close, confidence = held.wish, grid.close[step, symbol], grid.confidence[step, symbol]
    units = abs(held.units)
    stop = stop_price(side, close, stop_distance(step, symbol, close, grid, row))
    wanted = opening_size(side, confidence, value, close, stop, row)
    if is_stop_mode(row) and not math.isnan(held.stop):
        most = units_for_loss(value * row.base * confidence, side, close, held.stop, row)
        wanted = lot_floor(min(wanted, most), lot_of(row))
    least = max(row.min_order if USES.min_order else 0.0, DUST * value)
    off = resize_units(wanted, units, close, row.band, lot_of(row), least)
    if off <= 0.0:
        return waiting, sent
    kind, code, fits, admitted = REDUCE, 0, 0.0, off
    if not wanted < units:
        kind = ADD
        admitted, code, fits = fits_plan(step, side, off, close, held.stop, False, added, value, grid, row, space)
        held.planned = held.planned + side * admitted
        if admitted <= 0.0:
            refuse(step, symbol, side, code, fits, off, close, grid, space, log)
            return waiting, sent
    if waiting >= len(space.queue):
        return waiting + 1, sent
    order = space.queue[waiting]
    order.symbol, order.kind, order.sent = symbol, kind, sent
    order.units = side * admitted if kind == ADD else -side * admitted
    order.price, order.stop, order.target = close, math.nan, math.nan
    order.loss_share = row.base * confidence if is_stop_mode(row) and row.cap_at_fill else math.inf
    order.id = -1
    if USES.record:
        order.id = note_order(step, symbol, side if kind == ADD else -side, admitted, off, code, fits, close, grid, log)
    return waiting + 1, sent + 1


def note_order(
    step: int,
    symbol: int,
    side: int,
    admitted: float,
    wanted: float,
    code: int,
    fits: float,
    close: float,
    grid: MarketArrays,
    log: Log,
) -> int:
    """Write down a market order, and what the limits took off it at the signal."""
    number = write_order(log, MARKET_ORDER, symbol, bar_of(grid, step, symbol), side * admitted)
    cut = wanted - admitted
    if cut != 0.0:
        log.orders[number].cut = cut
        explain(log, number, code + AT_SIGNAL, fits, wanted, close, 0.0)
    return number


def refuse(
    step: int,
    symbol: int,
    side: int,
    code: int,
    fits: float,
    wanted: float,
    close: float,
    grid: MarketArrays,
    space: Workspace,
    log: Log,
) -> None:
    """Write down an entry that the limits bar."""
    space.tally[REJECTIONS] += 1.0
    if USES.record:
        explain(
            log,
            write_refusal(log, symbol, bar_of(grid, step, symbol), side),
            code + AT_SIGNAL,
            fits,
            wanted,
            close,
            0.0,
        )
