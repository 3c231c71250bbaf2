"""The strategy's step at a close: the target sides of its rule, and the exits.

Compiled; plain Python. The order of events is that of :class:`strategies._backtrader.SignalStrategy`.
"""

import math
from typing import Any

from engine.backtest.compiled.codes import CANCELLED, CLOSE, ENTRY, EXIT, HALT, KEEP, MARKET_ORDER, SYMBOL
from engine.backtest.compiled.kernel_features import FEATURES
from strategies._entry_order import MARKET
from strategies._reentry import bars_to_wait, gated, side_left
from strategies._sides import on_allowed_side

from .account import count, is_fresh
from .log_writer import close_order, explain, last_halt, write_order
from .opening.entry_orders import age, is_waiting, take_back, waits_on
from .record_types import Position
from .records import Log, MarketArrays, Queue, Reason, Workspace
from .rule_views.cross_views import call_cross_view
from .rule_views.views import decide, reason_of, signal_without_position, watch_prices


def side_of(units: float) -> int:
    """1 long, -1 short, 0 flat."""
    return (units > 0.0) - (units < 0.0)  # no branch, which with many symbols would often be guessed wrong


def rule(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:  # noqa: ARG001 (the contract's signature)
    """The strategy's rule; the linker puts it here."""
    return side


def own_rule(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:  # noqa: ARG001 (the contract's signature)
    """The strategy's rule, if :func:`rule_within_sides` calls it; the linker puts it here."""
    return side


def rule_within_sides(prediction: float, confidence: float, side: int, held: int, p: Any) -> Any:
    """The rule within ``strategy.side``; the linker puts it in the place of :func:`rule` if that may bar a side."""
    return on_allowed_side(own_rule(prediction, confidence, side, held, p), p)


def cross_rule(prediction: Any, confidence: Any, side: Any, p: Any) -> Any:  # noqa: ARG001 (the contract's signature)
    """The strategy's rule, if it sees all symbols at once; the linker puts it here."""
    return side


def call_rule(step: int, arrays: MarketArrays, p: Any, workspace: Workspace, log: Log) -> int:
    """Call the rule for every symbol with a new bar.

    Returns
    -------
    The number of symbols for which it changes something; they are in ``workspace.changed_symbols``. -1 if it gave
    something that is no side; the symbol is in ``workspace.failed_at``.
    """
    changes = 0
    for symbol in range(count(workspace.positions)):
        position = workspace.positions[symbol]
        position.target_side = KEEP
        position.is_closing = 0
        if is_fresh(arrays, step, symbol):
            side = side_of(position.units)
            position.bars_held = position.bars_held + side if position.bars_held * side > 0 else side
            if FEATURES.reenter:
                position.side_left = side_left(position.side_left, side)
                position.bars_to_wait = bars_to_wait(position.bars_to_wait, side, p)
            if FEATURES.entry_orders:
                age(symbol, workspace, log)
            if FEATURES.view:
                watch_prices(step, side, position.bars_held, arrays, symbol, workspace)
            prediction = arrays.prediction[step, symbol]
            if not FEATURES.cross and not math.isnan(prediction):
                workspace.failed_at[SYMBOL] = symbol
                target = ask(step, symbol, side, abs(position.bars_held), arrays, p, workspace)
                if target not in (1, 0, -1):
                    return -1
                if FEATURES.reenter and p.reenter_new != 0:
                    signal = ask_from_flat(step, symbol, arrays, p, workspace)
                    if signal not in (1, 0, -1):
                        return -1
                    end_signal(position, signal)
                position.target_side = after_bars(step, symbol, target, side, arrays, p, workspace)
                changes = add_change(symbol, changes, position, workspace)
    if not FEATURES.cross:
        return changes
    if call_cross_rule(step, arrays, p, workspace):
        return -1
    for symbol in range(count(workspace.positions)):
        position = workspace.positions[symbol]
        if position.target_side != KEEP:
            if FEATURES.reenter and p.reenter_new != 0:
                end_signal(position, position.target_side)
            side = side_of(position.units)
            position.target_side = after_bars(step, symbol, position.target_side, side, arrays, p, workspace)
            changes = add_change(symbol, changes, position, workspace)
    return changes


def ask(step: int, symbol: int, side: int, held: int, arrays: MarketArrays, p: Any, workspace: Workspace) -> int:
    """The side that the rule asks for."""
    if FEATURES.view:
        return decide(step, symbol, side, arrays, p, workspace)
    return rule(arrays.prediction[step, symbol], arrays.confidence[step, symbol], side, held, p)


def ask_from_flat(step: int, symbol: int, arrays: MarketArrays, p: Any, workspace: Workspace) -> int:
    """The side that the rule would ask for without a position."""
    if FEATURES.view:
        return signal_without_position(step, symbol, arrays, p, workspace)
    return rule(arrays.prediction[step, symbol], arrays.confidence[step, symbol], 0, 0, p)


def end_signal(position: Position, signal: int) -> None:
    """Forget the side of the last position if the rule, asked without a position, wants something else."""
    if signal != position.side_left:
        position.side_left = 0


def after_bars(
    step: int, symbol: int, target: int, side: int, arrays: MarketArrays, p: Any, workspace: Workspace
) -> int:
    """The rule's side, or 0 in place of an entry that ``strategy.reenter`` or the filters of the strategy bar."""
    if FEATURES.reenter:
        position = workspace.positions[symbol]
        target = gated(target, side, position.side_left, position.bars_to_wait, p)
    if FEATURES.filters and target not in (0, side) and not may_enter(step, symbol, arrays, p):
        return 0
    return target


def may_enter(step: int, symbol: int, arrays: MarketArrays, p: Any) -> bool:
    """True if the filters of the strategy allow an entry that is decided at a step."""
    if FEATURES.filters:
        return p.entry_filter < 0 or arrays.may_enter[p.entry_filter, step, symbol]
    return True


def add_change(symbol: int, changes: int, position: Position, workspace: Workspace) -> int:
    """Add a symbol to those for which the rule changes something, if it does; their number."""
    is_changed = not keeps(position) and (position.units != 0.0 or position.target_side != 0 or position.bracket != 0)
    if FEATURES.entry_orders and position.units == 0.0:
        if waits_on(symbol, position.target_side, workspace):
            is_changed = False
        elif is_waiting(symbol, workspace):
            is_changed = True
    position.is_closing = 1 if is_changed else 0
    workspace.changed_symbols[changes] = symbol
    return changes + (1 if is_changed or (FEATURES.resize and keeps(position)) else 0)


def call_cross_rule(step: int, arrays: MarketArrays, p: Any, workspace: Workspace) -> int:
    """Call a rule that sees all symbols at once; 1 if it does not give a side for each."""
    if FEATURES.view:
        return call_cross_view(step, arrays, p, workspace)
    positions = workspace.positions
    predictions = workspace.rule_predictions
    opinions = 0
    for symbol in range(count(positions)):
        predictions[symbol] = math.nan
        workspace.rule_confidences[symbol] = math.nan
        workspace.rule_sides[symbol] = side_of(positions[symbol].units)
        prediction = arrays.prediction[step, symbol]
        if is_fresh(arrays, step, symbol) and not math.isnan(prediction):
            predictions[symbol] = prediction
            workspace.rule_confidences[symbol] = arrays.confidence[step, symbol]
            opinions += 1
    if opinions == 0:
        return 0
    targets = cross_rule(predictions, workspace.rule_confidences, workspace.rule_sides, p)
    if len(targets) != len(positions):
        return 1
    for symbol in range(count(positions)):
        if not math.isnan(predictions[symbol]):
            target = targets[symbol]
            if target not in (1, 0, -1):
                workspace.failed_at[SYMBOL] = symbol
                return 1
            if FEATURES.sides:
                target = on_allowed_side(target, p)
            positions[symbol].target_side = target
    return 0


def keeps(position: Position) -> bool:
    """True if a position is kept as it is."""
    return position.target_side == side_of(position.units) and position.target_side != 0


# --- exits


def close_all(
    step: int, changes: int, queue: Queue, halt: int, arrays: MarketArrays, workspace: Workspace, log: Log
) -> Queue:
    """Close positions: the rule's exits first, then all others if a stop of the account acts.

    Parameters
    ----------
    changes : as :func:`call_rule` gives it.
    halt : the code of the stop of the account; 0 if none acts.
    """
    for index in range(changes):
        symbol = workspace.changed_symbols[index]
        position = workspace.positions[symbol]
        if position.is_closing and (position.units != 0.0 or position.bracket or is_waiting(symbol, workspace)):
            queue = close_position(step, symbol, queue, halt, arrays, workspace, log)
    if FEATURES.halts and halt:
        queue = withdraw_stale(step, queue, arrays, workspace, log)
        for symbol in range(count(workspace.positions)):
            position = workspace.positions[symbol]
            if not position.is_closing:
                position.is_closing = 1
                queue = close_position(step, symbol, queue, halt, arrays, workspace, log)
    return queue


def close_position(
    step: int, symbol: int, queue: Queue, halt: int, arrays: MarketArrays, workspace: Workspace, log: Log
) -> Queue:
    """Cancel the stop and the target of a symbol, or its waiting entry, and send the order that closes its position."""
    position = workspace.positions[symbol]
    if FEATURES.entry_orders:
        take_back(symbol, workspace, log)
    if position.bracket:
        position.bracket = 0
        if FEATURES.record:
            close_order(log, position.stop_id, CANCELLED)
            close_order(log, position.target_id, CANCELLED)
    if position.units == 0.0:
        return queue
    if queue.waiting >= len(workspace.orders):
        return overfull(queue)
    order = workspace.orders[queue.waiting]
    order.symbol = symbol
    order.kind = CLOSE
    order.units = -position.units
    order.sent = queue.sent
    order.price = arrays.close[step, symbol]
    order.stop = order.target = math.nan
    order.trigger = MARKET
    order.id = -1
    if FEATURES.record:
        order.id = write_exit(step, symbol, position, halt, reason_of(symbol, workspace), arrays, log)
    return with_order(queue)


def with_order(queue: Queue) -> Queue:
    """The queue with the order that was written behind its last."""
    return Queue(queue.accepted, queue.waiting + 1, queue.sent + 1, queue.planned)


def overfull(queue: Queue) -> Queue:
    """The queue after an order for which there was no room."""
    return Queue(queue.accepted, queue.waiting + 1, queue.sent, queue.planned)


def write_exit(
    step: int, symbol: int, position: Position, halt: int, reason: int, arrays: MarketArrays, log: Log
) -> int:
    """Log an order that closes a position, with the inputs of its reason; returns its id."""
    order_id = write_order(log, MARKET_ORDER, symbol, step, -position.units)
    order = log.orders[order_id]
    order.halt = EXIT
    order.reason = reason
    order.prediction = arrays.prediction[step, symbol]
    order.bars_held = side_of(position.units) * abs(position.bars_held)
    if halt:
        order.halt = HALT
        order.reason = last_halt(log)
        explain(log, order_id, Reason(code=HALT, room=0.0, requested=0.0, at=float(last_halt(log)), quoted=0.0))
    return order_id


def withdraw_stale(step: int, queue: Queue, arrays: MarketArrays, workspace: Workspace, log: Log) -> Queue:
    """Take back the orders that still wait for a bar of their symbol; those of this close stay."""
    orders = workspace.orders
    waiting = 0
    for index in range(queue.waiting):
        order = orders[index]
        if is_fresh(arrays, step, order.symbol):
            if waiting != index:
                orders[waiting] = orders[index]
            waiting += 1
        elif FEATURES.record:
            close_order(log, order.id, CANCELLED)
            if order.kind == ENTRY:
                if not math.isnan(order.stop):
                    close_order(log, order.id + 1, CANCELLED)
                if not math.isnan(order.target):
                    close_order(log, order.id + (1 if math.isnan(order.stop) else 2), CANCELLED)
    return Queue(queue.accepted, waiting, queue.sent, queue.planned)
