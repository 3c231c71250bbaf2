"""Stops and targets in the bar, then entries at its close. Compiled; plain Python."""

import math

from engine.backtest.compiled.codes import (
    ANY,
    CANCELLED,
    ENTRY_HIT,
    ONLY_CLOSES,
    PERCENT,
    REJECTED,
    STOP_HIT,
    TARGET_HIT,
)
from engine.backtest.compiled.kernel_features import FEATURES

from .account import count, has_stop, has_target, is_fresh, slipped, trails, value_at_open
from .log_writer import close_order, explain, only_code, resize_order
from .matching import fill_close
from .opening.entry_orders import fill_at_close, fill_waiting, find_entry_hit, waits_for_price
from .record_types import PolicyRow, Position
from .records import Execution, Log, MarketArrays, Workspace


def work_brackets(
    step: int, cash: float, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace, log: Log
) -> float:
    """Fill the stops, targets and waiting entries that the bar reaches, those of the entry that was sent first first.

    Then the entries at the close.

    Returns
    -------
    The cash.
    """
    hits = find_hits(step, arrays, policy, workspace)
    for index in range(hits):
        symbol = workspace.hit_symbols[index]
        position = workspace.positions[symbol]
        if FEATURES.entry_orders and position.hit == ENTRY_HIT:
            cash = fill_waiting(step, cash, symbol, arrays, policy, workspace, log)
            continue
        size = -position.units
        is_stop = position.hit == STOP_HIT
        filled_id = position.stop_id if is_stop else position.target_id
        other_id = position.target_id if is_stop else position.stop_id
        trigger = position.stop
        if position.units * position.bracket <= 0.0:  # the entry only closed: its stop or target has nothing to close
            position.bracket = 0
            if FEATURES.record:
                explain(log, filled_id, only_code(ONLY_CLOSES))
                close_order(log, filled_id, REJECTED)
                close_order(log, other_id, CANCELLED)
            continue
        value = 0.0
        if FEATURES.record:
            value = value_at_open(step, cash, arrays, workspace.positions)
            if abs(log.orders[filled_id].size) > abs(size):
                explain(log, filled_id, only_code(ONLY_CLOSES))
                resize_order(log, filled_id, size)
        execution = Execution(step, size, position.quoted, position.price, value)
        cash = fill_close(cash, symbol, filled_id, execution, policy, workspace, log)
        if FEATURES.record:
            close_order(log, other_id, CANCELLED)
            if is_stop:
                entry = log.orders[position.entry_id]
                entry.stopped = step
                entry.stopped_size = size
                entry.trigger = trigger
                entry.stopped_at = position.quoted
    return fill_at_close(step, cash, arrays, policy, workspace, log) if FEATURES.entry_orders else cash


def find_hits(step: int, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace) -> int:
    """Find the symbols with an order that the bar reaches, in the order in which their entries were sent; the number.

    They are in ``workspace.hit_symbols``.
    """
    hits = 0
    symbols = workspace.hit_symbols
    for symbol in range(count(workspace.positions)):
        position = workspace.positions[symbol]
        if not is_fresh(arrays, step, symbol):
            continue
        is_found = False
        if position.bracket and position.live_from <= step:
            find_hit(step, symbol, position, arrays, policy)
            is_found = position.hit != 0
        elif FEATURES.entry_orders and waits_for_price(symbol, workspace):
            order = workspace.waiting_entries[symbol]
            find_entry_hit(step, symbol, position, order, arrays, policy)
            position.sent = order.sent
            is_found = position.hit != 0
        if is_found:
            index = hits
            while index > 0 and workspace.positions[symbols[index - 1]].sent > position.sent:
                symbols[index] = symbols[index - 1]
                index -= 1
            symbols[index] = symbol
            hits += 1
    return hits


def find_hit(step: int, symbol: int, position: Position, arrays: MarketArrays, policy: PolicyRow) -> None:
    """Find out if the bar reaches the stop, or else the target, and at which price; a stop that trails is moved."""
    position.hit = 0
    side = position.bracket
    opened = arrays.open[step, symbol]
    if has_stop(policy) and not math.isnan(position.stop):
        worst = arrays.low[step, symbol] if side > 0 else arrays.high[step, symbol]
        if side * (opened - position.stop) <= 0.0:
            position.hit = STOP_HIT
            position.quoted = opened
        elif side * (worst - position.stop) <= 0.0:
            position.hit = STOP_HIT
            position.quoted = position.stop
        if position.hit:
            position.price = slipped(position.quoted, -side, worst, policy)
            return
        if trails(policy):
            move_stop(position, side, arrays.close[step, symbol], policy)
    if has_target(policy) and not math.isnan(position.target):
        best = arrays.high[step, symbol] if side > 0 else arrays.low[step, symbol]
        if side * (opened - position.target) >= 0.0:
            position.hit = TARGET_HIT
            position.quoted = opened
            bound = arrays.low[step, symbol] if side > 0 else arrays.high[step, symbol]
            bound = max(bound, position.target) if side > 0 else min(bound, position.target)
            price = slipped(opened, -side, bound, policy)
            position.price = max(price, position.target) if side > 0 else min(price, position.target)
        elif side * (best - position.target) >= 0.0:
            position.hit = TARGET_HIT
            position.quoted = position.target
            position.price = position.target


def move_stop(position: Position, side: int, close: float, policy: PolicyRow) -> None:
    """Let a stop follow the close, never back."""
    kind = policy.stop if FEATURES.stop == ANY else FEATURES.stop
    distance = close * policy.stop_value if kind == PERCENT else position.distance
    moved = close - side * distance
    if side * (moved - position.stop) > 0.0:
        position.stop = moved
