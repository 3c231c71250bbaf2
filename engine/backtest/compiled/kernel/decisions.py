"""The strategy's step at a close: what the rule wants, and the exits.

Compiled; plain Python. The order of events is that of :class:`strategies._backtrader.SignalStrategy`.
"""

import math
from typing import Any

from .account import count, is_fresh
from .log_writer import bar_of, close_order, explain, write_order
from .records import CANCELLED, CLOSE, ENTRY, EXIT, HALT, KEEP, MARKET_ORDER, USES, Log, MarketArrays, Workspace


def side_of(units: float) -> int:
    """1 long, -1 short, 0 flat."""
    return (units > 0.0) - (units < 0.0)  # no branch, which with many symbols would often be guessed wrong


def rule(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:  # noqa: ARG001 (the contract's signature)
    """The strategy's rule; the linker puts it here."""
    return side


def cross_rule(prediction: Any, confidence: Any, side: Any, p: Any) -> Any:  # noqa: ARG001 (the contract's signature)
    """The strategy's rule, if it sees all symbols at once; the linker puts it here."""
    return side


def ask(step: int, grid: MarketArrays, p: Any, space: Workspace) -> int:
    """Ask the rule about every symbol with a new bar.

    Returns
    -------
    How many symbols want something done; which ones is in ``space.picks[2]``. -1 if an answer is no side; of which
    symbol is in ``space.where``.
    """
    found = 0
    for symbol in range(count(space.state)):
        held = space.state[symbol]
        held.wish, held.leaves = KEEP, 0
        if is_fresh(grid, step, symbol):
            side = side_of(held.units)
            held.held = held.held + side if held.held * side > 0 else side
            if not USES.cross and not math.isnan(grid.prediction[step, symbol]):
                space.where[1] = symbol
                wish = rule(grid.prediction[step, symbol], grid.confidence[step, symbol], side, abs(held.held), p)
                if wish not in (1, 0, -1):
                    return -1
                held.wish = wish
                found = collect(symbol, found, held, space)
    if not USES.cross:
        return found
    if ask_once(step, grid, p, space):
        return -1
    for symbol in range(count(space.state)):
        if space.state[symbol].wish != KEEP:
            found = collect(symbol, found, space.state[symbol], space)
    return found


def collect(symbol: int, found: int, held: Any, space: Workspace) -> int:
    """Add a symbol to those that want something done, if it does; how many there are."""
    changes = not stays(held) and (held.units != 0.0 or held.wish != 0 or held.bracket != 0)
    held.leaves = 1 if changes else 0
    space.picks[2, found] = symbol
    return found + (1 if changes or (USES.resize and stays(held)) else 0)


def ask_once(step: int, grid: MarketArrays, p: Any, space: Workspace) -> int:
    """Ask a rule that sees all symbols at once; 1 if it does not answer with a side for each."""
    state, told = space.state, 0
    for symbol in range(count(state)):
        space.seen[0, symbol] = space.seen[1, symbol] = math.nan
        space.sides[symbol] = side_of(state[symbol].units)
        prediction = grid.prediction[step, symbol]
        if is_fresh(grid, step, symbol) and not math.isnan(prediction):
            space.seen[0, symbol], space.seen[1, symbol] = prediction, grid.confidence[step, symbol]
            told += 1
    if told == 0:
        return 0
    wishes = cross_rule(space.seen[0], space.seen[1], space.sides, p)
    if len(wishes) != len(state):
        return 1
    for symbol in range(count(state)):
        if not math.isnan(space.seen[0, symbol]):
            wish = wishes[symbol]
            if wish not in (1, 0, -1):
                space.where[1] = symbol
                return 1
            state[symbol].wish = wish
    return 0


def stays(held: Any) -> bool:
    """Whether a position is kept as it is."""
    return held.wish == side_of(held.units) and held.wish != 0


# --- exits


def leave_all(
    step: int, wanting: int, waiting: int, sent: int, acts: int, grid: MarketArrays, space: Workspace, log: Log
) -> tuple[int, int]:
    """Close what is to be closed, the rule's exits first; then what a stop of the account (``acts`` > 0) closes.

    Parameters
    ----------
    wanting : as :func:`ask` gives it.

    Returns
    -------
    How many orders wait, and how many were ever sent.
    """
    for number in range(wanting):
        symbol = space.picks[2, number]
        held = space.state[symbol]
        if held.leaves and (held.units != 0.0 or held.bracket):
            waiting, sent = leave(step, symbol, waiting, sent, acts, grid, space, log)
    if USES.halts and acts:
        waiting = withdraw_stale(waiting, grid, step, space, log)
        for symbol in range(count(space.state)):
            held = space.state[symbol]
            if not held.leaves:
                held.leaves = 1
                waiting, sent = leave(step, symbol, waiting, sent, acts, grid, space, log)
    return waiting, sent


def leave(
    step: int, symbol: int, waiting: int, sent: int, acts: int, grid: MarketArrays, space: Workspace, log: Log
) -> tuple[int, int]:
    """Cancel the stop and the target of a symbol and send the order that closes what is held."""
    held = space.state[symbol]
    if held.bracket:
        held.bracket = 0
        if USES.record:
            close_order(log, held.stop_id, CANCELLED)
            close_order(log, held.target_id, CANCELLED)
    if held.units == 0.0:
        return waiting, sent
    if waiting >= len(space.queue):
        return waiting + 1, sent
    order = space.queue[waiting]
    order.symbol, order.kind, order.units, order.sent = symbol, CLOSE, -held.units, sent
    order.price, order.stop, order.target = grid.close[step, symbol], math.nan, math.nan
    order.id = -1
    if USES.record:
        order.id = write_order(log, MARKET_ORDER, symbol, bar_of(grid, step, symbol), -held.units)
        written = log.orders[order.id]
        written.halt = EXIT
        written.prediction, written.held = grid.prediction[step, symbol], side_of(held.units) * abs(held.held)
        if acts:
            written.halt = HALT
            explain(log, order.id, HALT, 0.0, 0.0, log.counts[2] - 1.0, 0.0)
    return waiting + 1, sent + 1


def withdraw_stale(waiting: int, grid: MarketArrays, step: int, space: Workspace, log: Log) -> int:
    """Take back the orders that still wait for a bar of their symbol; how many of this close are left."""
    kept = 0
    for number in range(waiting):
        order = space.queue[number]
        if is_fresh(grid, step, order.symbol):
            if kept != number:
                space.queue[kept] = space.queue[number]
            kept += 1
        elif USES.record:
            close_order(log, order.id, CANCELLED)
            if order.kind == ENTRY:
                if not math.isnan(order.stop):
                    close_order(log, order.id + 1, CANCELLED)
                if not math.isnan(order.target):
                    close_order(log, order.id + (1 if math.isnan(order.stop) else 2), CANCELLED)
    return kept
