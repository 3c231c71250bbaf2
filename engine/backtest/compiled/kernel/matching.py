"""The broker's step: market orders fill at the open, stops and targets in the bar. Compiled; plain Python.

The order of events is backtrader's with the risk rule at the fill; docs/engines.md states it.
"""

import math
from typing import Any

from risk.account_limits import STOP_PASSED, AccountExposure, with_holding
from risk.fill_limits import FillTerms, Quote, admit

from .account import (
    cash_after_close,
    cash_after_open,
    count,
    has_stop,
    has_target,
    is_fresh,
    limits_of,
    lot_of,
    mark_at_open,
    slipped,
    trails,
    worth_at_open,
)
from .cash_check import children
from .fast_admission import carry_on, clearly_fits, is_rough
from .log_writer import close_order, explain, resize_order, write_fill
from .records import (
    ADD,
    ANY,
    CANCELLED,
    COMPLETED,
    ENTRY,
    FILLS,
    GONE,
    MARGIN,
    ONLY_CLOSES,
    PERCENT,
    REJECTED,
    REJECTIONS,
    SHORT_AT_FILL,
    TRADED,
    TRADES,
    USES,
    Log,
    MarketArrays,
    Workspace,
)


def work_orders(
    step: int, cash: float, waiting: int, grid: MarketArrays, row: Any, space: Workspace, log: Log
) -> tuple[float, int]:
    """Fill the market orders of symbols with a new bar, first sent first filled; the cash, and how many still wait."""
    kept = 0
    for number in range(waiting):
        order = space.queue[number]
        if is_fresh(grid, step, order.symbol):
            cash = work_order(step, cash, order, grid, row, space, log)
        else:
            if kept != number:
                space.queue[kept] = space.queue[number]
            kept += 1
    return cash, kept


def work_order(step: int, cash: float, order: Any, grid: MarketArrays, row: Any, space: Workspace, log: Log) -> float:
    """Fill a market order at the open, or reject it; the cash."""
    symbol, size = order.symbol, order.units
    quoted = grid.open[step, symbol]
    price = slipped(quoted, size, grid.high[step, symbol] if size > 0.0 else grid.low[step, symbol], row)
    before = space.state[symbol].units
    if order.kind != ENTRY and order.kind != ADD:
        value = worth_at_open(step, cash, grid, space.state) if USES.record else 0.0
        left = fill_close(step, cash, order.symbol, order.id, size, price, quoted, value, row, space, log)
        if is_rough():
            carry_on(left - cash, before, space.state[symbol].units, quoted, space)
        return left
    if is_rough() and order.kind == ENTRY and clearly_fits(step, cash, order, quoted, price, grid, row, space):
        left = fill_open(step, cash, size, order, price, quoted, 0.0, row, space, log)
        carry_on(left - cash, before, space.state[symbol].units, quoted, space)
        return left
    value = worth_at_open(step, cash, grid, space.state)
    size = admitted(step, value, order, quoted, price, grid, row, space, log)
    if size == 0.0:
        space.tally[REJECTIONS] += 1.0
        cancel_children(order, REJECTED, log)
        return cash
    left = fill_open(step, cash, size, order, price, quoted, value, row, space, log)
    if is_rough():
        carry_on(left - cash, before, space.state[symbol].units, quoted, space)
    return left


def fill_open(
    step: int,
    cash: float,
    size: float,
    order: Any,
    price: float,
    quoted: float,
    value: float,
    row: Any,
    space: Workspace,
    log: Log,
) -> float:
    """Fill an order that opens; of one that meets a position of the other side, the part that closes comes first.

    Such a position is there where its own closing order lacked the cash at the check, and another sale of the same
    close left enough for this one.
    """
    symbol = order.symbol
    held = space.state[symbol]
    closed, opened, interest = 0.0, size, 0.0
    if held.units * size < 0.0:
        after = held.units + size
        closed, opened = (size, 0.0) if after * held.units >= 0.0 else (-held.units, after)
        cash = cash_after_close(cash, closed, held.entry, price, row)
        interest = held.due
        held.due, held.due_since = 0.0, -1
    left, fails = cash, False
    if opened != 0.0:
        left = cash_after_open(cash, opened, price, row)
        fails = left < 0.0
        if fails:
            space.tally[REJECTIONS] += 1.0
            if USES.record:
                explain(log, order.id, SHORT_AT_FILL, left, 0.0, cash, 0.0)
            if closed == 0.0:
                cancel_children(order, MARGIN, log)
                return cash
            opened = 0.0
    size = closed + opened
    before = held.units
    held.units += size
    if before == 0.0 or before * held.units < 0.0:
        held.entry = price
    elif before * size > 0.0:
        held.entry = (held.entry * before + size * price) / held.units
    if closed != 0.0 and before * held.units <= 0.0:
        space.tally[TRADES] += 1.0
    tally_fill(size, price, space)
    if USES.record:
        note_fill(step, symbol, order.id, size, price, quoted, closed, interest, value, held.units, log)
        log.fills[log.orders[order.id].fill].opened = opened
    if held.units == 0.0:
        held.entry, held.stop = 0.0, math.nan
    if fails:
        cancel_children(order, MARGIN, log)
        return cash
    if order.kind == ENTRY:
        guard(step, order, held, log)
    elif USES.record:
        follow(held, log)
    return left


def admitted(
    step: int,
    value: float,
    order: Any,
    quoted: float,
    price: float,
    grid: MarketArrays,
    row: Any,
    space: Workspace,
    log: Log,
) -> float:
    """The signed units of an opening order that the rule allows at its fill; 0 for none."""
    symbol, side, size = order.symbol, (1 if order.units > 0.0 else -1), abs(order.units)
    held = space.state[symbol]
    adds = order.kind == ADD
    closing = min(size, abs(held.units)) if held.units * side < 0.0 else 0.0
    wanted = size - closing
    if wanted <= 0.0:
        return order.units
    if adds and held.units == 0.0:
        if USES.record:
            explain(log, order.id, GONE, 0.0, 0.0, 0.0, 0.0)
        return 0.0
    book = AccountExposure(value, 0.0, 0.0, 0.0, 0.0, 0.0)
    if USES.gross or USES.net or USES.positions or USES.open_risk or side < 0:
        for other in range(count(space.state)):
            if other != symbol or adds:
                units, stop = space.state[other].units, space.state[other].stop
                book = with_holding(book, units, mark_at_open(step, other, grid), stop)
    stop = held.stop if adds else order.stop
    quote = Quote(side, wanted, abs(held.units) if adds else 0.0, quoted, price, price, 0.0, stop, order.loss_share)
    cap = row.cap if row.cap_at_fill else math.inf
    verdict = admit(quote, book, FillTerms(cap, lot_of(row), math.inf, limits_of(row)), row)
    if verdict.units == wanted:
        return order.units
    if USES.record:
        explain(log, order.id, verdict.code, verdict.max_units, wanted, price, quoted)
        if verdict.code == STOP_PASSED:
            log.orders[order.id].at = stop
        if closing + verdict.units > 0.0:
            resize_order(log, order.id, side * (closing + verdict.units))
            for child in range(order.id + 1, order.id + 1 + (0 if adds else children(order))):
                if verdict.units > 0.0:
                    resize_order(log, child, -(side * verdict.units))
                else:
                    close_order(log, child, CANCELLED)
    if closing > 0.0 and verdict.units <= 0.0:
        order.stop = order.target = math.nan  # what only closes needs no protection
    return side * (closing + verdict.units) if closing + verdict.units > 0.0 else 0.0


def cancel_children(order: Any, status: int, log: Log) -> None:
    """An entry that is not filled, and with it its stop and target."""
    if USES.record:
        close_order(log, order.id, status)
        if order.kind == ENTRY:
            for child in range(order.id + 1, order.id + 1 + children(order)):
                close_order(log, child, CANCELLED)


def guard(step: int, order: Any, held: Any, log: Log) -> None:
    """Put the stop and the target of a filled entry in place; they act from the next step on."""
    held.stop, held.target, held.distance = order.stop, order.target, order.distance
    held.live_from, held.sent = step + 1, order.sent
    held.bracket = 0 if math.isnan(order.stop) and math.isnan(order.target) else (1 if order.units > 0.0 else -1)
    if USES.record:
        number = order.id
        held.entry_id = number
        held.stop_id = held.target_id = -1
        if not math.isnan(order.stop):
            number += 1
            held.stop_id = number
        if not math.isnan(order.stop) and held.units != 0.0:
            entry = log.orders[order.id]
            entry.entered, entry.entry_size, entry.entry_price = step, held.units, entry.price
            entry.entry_stop = order.stop
        if not math.isnan(order.target):
            held.target_id = number + 1


def follow(held: Any, log: Log) -> None:
    """Stop and target become as large as the position, after it was resized."""
    if held.bracket:
        resize_order(log, held.stop_id, -held.units)
        resize_order(log, held.target_id, -held.units)


def fill_close(
    step: int,
    cash: float,
    symbol: int,
    number: int,
    size: float,
    price: float,
    quoted: float,
    value: float,
    row: Any,
    space: Workspace,
    log: Log,
) -> float:
    """A fill that closes all or a part of a position; the cash."""
    held = space.state[symbol]
    left = cash_after_close(cash, size, held.entry, price, row)
    held.units += size
    tally_fill(size, price, space)
    if USES.record:
        note_fill(step, symbol, number, size, price, quoted, size, held.due, value, held.units, log)
    held.due, held.due_since = 0.0, -1
    if held.units == 0.0:
        held.entry, held.stop = 0.0, math.nan
        held.bracket = 0
        space.tally[TRADES] += 1.0
    elif USES.record and USES.resize:
        follow(held, log)
    return left


def tally_fill(size: float, price: float, space: Workspace) -> None:
    """Count a fill."""
    space.tally[FILLS] += 1.0
    space.tally[TRADED] += abs(size) * price


def note_fill(
    step: int,
    symbol: int,
    number: int,
    size: float,
    price: float,
    quoted: float,
    closed: float,
    interest: float,
    value: float,
    after: float,
    log: Log,
) -> None:
    """Write a fill down; ``value`` is the account before it."""
    fill = log.fills[write_fill(log, step, symbol, number, size, price)]
    fill.closed, fill.opened, fill.quoted = closed, 0.0, quoted
    fill.interest, fill.after = interest, after
    log.orders[number].share = abs(after) * price / value if value > 0.0 else math.nan
    close_order(log, number, COMPLETED)


# --- stops and targets


def work_brackets(step: int, cash: float, grid: MarketArrays, row: Any, space: Workspace, log: Log) -> float:
    """Fill the stops and targets that the bar reaches, those of the entry that was sent first before all others."""
    hits = 0
    for symbol in range(count(space.state)):
        held = space.state[symbol]
        if held.bracket and held.live_from <= step and is_fresh(grid, step, symbol):
            find_hit(step, symbol, held, grid, row)
            if held.hit:
                place = hits
                while place > 0 and space.state[space.picks[0, place - 1]].sent > held.sent:
                    space.picks[0, place] = space.picks[0, place - 1]
                    place -= 1
                space.picks[0, place] = symbol
                hits += 1
    for number in range(hits):
        symbol = space.picks[0, number]
        held = space.state[symbol]
        size, stopped = -held.units, held.hit == 1
        filled, other = (held.stop_id, held.target_id) if stopped else (held.target_id, held.stop_id)
        trigger = held.stop
        if held.units * held.bracket <= 0.0:  # the entry only closed: there is nothing for its stop or target to close
            held.bracket = 0
            if USES.record:
                explain(log, filled, ONLY_CLOSES, 0.0, 0.0, 0.0, 0.0)
                close_order(log, filled, REJECTED)
                close_order(log, other, CANCELLED)
            continue
        value = 0.0
        if USES.record:
            value = worth_at_open(step, cash, grid, space.state)
            if abs(log.orders[filled].size) > abs(size):
                explain(log, filled, ONLY_CLOSES, 0.0, 0.0, 0.0, 0.0)
                resize_order(log, filled, size)
        cash = fill_close(step, cash, symbol, filled, size, held.price, held.quoted, value, row, space, log)
        if USES.record:
            close_order(log, other, CANCELLED)
            if stopped:
                entry = log.orders[held.entry_id]
                entry.stopped, entry.stopped_size = step, size
                entry.trigger, entry.stopped_at = trigger, held.quoted
    return cash


def find_hit(step: int, symbol: int, held: Any, grid: MarketArrays, row: Any) -> None:
    """Whether the bar reaches the stop (1), else the target (2), and at which price; a stop that trails is moved."""
    held.hit = 0
    opened, side = grid.open[step, symbol], held.bracket
    if has_stop(row) and not math.isnan(held.stop):
        worst = grid.low[step, symbol] if side > 0 else grid.high[step, symbol]
        if side * (opened - held.stop) <= 0.0:
            held.hit, held.quoted = 1, opened
        elif side * (worst - held.stop) <= 0.0:
            held.hit, held.quoted = 1, held.stop
        if held.hit:
            held.price = slipped(held.quoted, -side, worst, row)
            return
        if trails(row):
            move_stop(held, side, grid.close[step, symbol], row)
    if has_target(row) and not math.isnan(held.target):
        best = grid.high[step, symbol] if side > 0 else grid.low[step, symbol]
        if side * (opened - held.target) >= 0.0:
            held.hit, held.quoted = 2, opened
            bound = grid.low[step, symbol] if side > 0 else grid.high[step, symbol]
            bound = max(bound, held.target) if side > 0 else min(bound, held.target)
            price = slipped(opened, -side, bound, row)
            held.price = max(price, held.target) if side > 0 else min(price, held.target)
        elif side * (best - held.target) >= 0.0:
            held.hit, held.quoted, held.price = 2, held.target, held.target


def move_stop(held: Any, side: int, close: float, row: Any) -> None:
    """Let a stop follow the close, never back."""
    kind = row.stop if USES.stop == ANY else USES.stop
    away = close * row.stop_value if kind == PERCENT else held.distance
    moved = close - side * away
    if side * (moved - held.stop) > 0.0:
        held.stop = moved
