"""Entries at a close, after the reductions and among the additions. Compiled; plain Python.

The order of events is that of :class:`strategies._backtrader.SignalStrategy`.
"""

import math

from engine.backtest.compiled.codes import (
    CLOSE_ORDER,
    ENTRY,
    HALT,
    LIMIT_ORDER,
    LOW_ENTRY,
    LOW_STOP,
    LOW_TARGET,
    MARKET_ORDER,
    NO_ENTRY,
    NO_SIZE,
    NO_STOP,
    NO_TARGET,
    REJECTIONS,
    STOP_ORDER,
)
from engine.backtest.compiled.kernel.account import (
    count,
    has_stop,
    has_target,
    rule_size,
    size_in_lots,
    stop_distance,
    target_distance,
    trails,
)
from engine.backtest.compiled.kernel.decisions import keeps, overfull, with_order
from engine.backtest.compiled.kernel.log_writer import explain, last_halt, write_children, write_refusal
from engine.backtest.compiled.kernel.record_types import EntryTerms, PolicyRow, Position
from engine.backtest.compiled.kernel.records import (
    Admission,
    Decision,
    Log,
    MarketArrays,
    Queue,
    Reason,
    Request,
    Workspace,
)
from engine.backtest.compiled.kernel.rule_views.views import reason_of, weight_of
from engine.backtest.compiled.kernel_features import FEATURES
from risk.stops import stop_price, target_price
from strategies._entry_order import LIMIT, MARKET, NEXT_CLOSE

from .entry_orders import price_of_entry
from .requests import admit_request, fill_in, refuse, write_request
from .resizes import add, is_added_to, is_resized, reduce_all


def enter_all(
    decision: Decision,
    changes: int,
    queue: Queue,
    arrays: MarketArrays,
    policy: PolicyRow,
    p: EntryTerms,
    workspace: Workspace,
    log: Log,
) -> Queue:
    """Send the reductions of a close, then entries and additions in the order of the symbols, within the limits.

    Parameters
    ----------
    changes : as :func:`~engine.backtest.compiled.kernel.decisions.call_rule` gives it.
    """
    queue = Queue(queue.accepted, queue.waiting, queue.sent, 0)
    workspace.planned_exposure[0].entries = -1
    if FEATURES.resize:
        for symbol in range(count(workspace.positions)):
            position = workspace.positions[symbol]
            position.planned = 0.0 if position.is_closing else position.units
        if (policy.resize or FEATURES.view) and decision.halt_bars == 0:
            queue = reduce_all(decision, changes, queue, arrays, policy, workspace, log)
    for index in range(changes):
        symbol = workspace.changed_symbols[index]
        position = workspace.positions[symbol]
        if not keeps(position):
            if position.target_side != 0:
                queue = enter(decision, symbol, queue, arrays, policy, p, workspace, log)
        elif FEATURES.resize and is_resized(symbol, policy, workspace) and is_added_to(position, decision):
            queue = add(decision, symbol, queue, arrays, policy, workspace, log)
        if queue.waiting > len(workspace.orders):
            return queue
    return queue


def enter(
    decision: Decision,
    symbol: int,
    queue: Queue,
    arrays: MarketArrays,
    policy: PolicyRow,
    p: EntryTerms,
    workspace: Workspace,
    log: Log,
) -> Queue:
    """Send an entry of the rule's size with its stop and target, or log the reason for none."""
    position = workspace.positions[symbol]
    side = position.target_side
    quoted = arrays.close[decision.step, symbol]
    close = price_of_entry(decision.step, symbol, side, quoted, arrays, p)
    confidence = arrays.confidence[decision.step, symbol]
    distance = stop_distance(decision.step, symbol, close, arrays, policy)
    stop = stop_price(side, close, distance)
    target = math.nan
    if has_target(policy):
        target = target_price(side, close, target_distance(decision.step, symbol, close, arrays, policy))
    code = bar_to_entry(decision.halt_bars, close, stop, target, policy)
    weight = weight_of(symbol, workspace)
    units = 0.0 if code else size_in_lots(side, confidence, decision.value, close, stop, weight, policy)
    if units <= 0.0:
        workspace.counters[REJECTIONS] += 1.0
        if FEATURES.record:
            allowed = 0.0 if code else rule_size(side, confidence, decision.value, close, stop, policy) * weight
            at = float(decision.halt_bars)
            if code in (LOW_ENTRY, LOW_STOP, LOW_TARGET):
                at = close if code == LOW_ENTRY else (stop if code == LOW_STOP else target)
            order_id = write_refusal(log, symbol, decision.step, side, 0.0)
            reason = Reason(code=code if code else NO_SIZE, room=allowed, requested=0.0, at=at, quoted=quoted)
            explain(log, order_id, reason)
            log.orders[order_id].halt = last_halt(log)
            log.orders[order_id].reason = reason_of(symbol, workspace)
        return queue
    request = Request(symbol, side, units, close, stop, True)
    admission = admit_request(request, decision, queue.planned, arrays, policy, workspace)
    plan_entry(request, admission, queue.planned, position, workspace)
    queue = Queue(queue.accepted, queue.waiting, queue.sent, queue.planned + 1)
    if admission.units <= 0.0:
        refuse(decision.step, request, admission, workspace, log)
        return queue
    if queue.waiting >= len(workspace.orders):
        return overfull(queue)
    order = workspace.orders[queue.waiting]
    order.kind = ENTRY
    order.units = side * admission.units
    order.target = target
    order.distance = distance
    order.stop = stop
    fill_in(order, request, queue, policy.base * confidence * weight, policy)
    if FEATURES.entry_orders:
        order.trigger = p.entry_kind
        order.bars = p.entry_bars
    if FEATURES.record:
        order.id = write_entry(decision.step, request, admission, target, policy, log)
        if FEATURES.entry_orders:
            log.orders[order.id].kind = kind_of_entry(p)
        log.orders[order.id].reason = reason_of(symbol, workspace)
    return with_order(queue)


def plan_entry(request: Request, admission: Admission, entries: int, position: Position, workspace: Workspace) -> None:
    """Add an entry to the plan of this close."""
    position.planned = request.side * admission.units
    workspace.planned_prices[request.symbol] = request.close
    workspace.planned_stops[request.symbol] = request.stop
    workspace.planned_symbols[entries] = request.symbol


def kind_of_entry(p: EntryTerms) -> int:
    """The kind of an entry's order in the log."""
    if p.entry_kind == NEXT_CLOSE:
        return CLOSE_ORDER
    return MARKET_ORDER if p.entry_kind == MARKET else (LIMIT_ORDER if p.entry_kind == LIMIT else STOP_ORDER)


def write_entry(
    step: int,
    request: Request,
    admission: Admission,
    target: float,
    policy: PolicyRow,
    log: Log,
) -> int:
    """Log an entry with its stop and target; returns its id."""
    order_id = write_request(step, request, admission, request.side, log)
    stops = 0 if math.isnan(request.stop) else (2 if trails(policy) else 1)
    targets = 0 if math.isnan(target) else 1
    size = request.side * admission.units
    write_children(log, order_id, request.symbol, step, size, stops, targets)
    return order_id


def bar_to_entry(halt_bars: int, price: float, stop: float, target: float, policy: PolicyRow) -> int:
    """The reason for which no position may be opened at all; 0 if one may."""
    if FEATURES.halts and halt_bars > 0:
        return HALT
    if FEATURES.entry_orders and not price > 0.0:
        return NO_ENTRY if math.isnan(price) else LOW_ENTRY
    if has_stop(policy) and math.isnan(stop):
        return NO_STOP
    if has_stop(policy) and stop <= 0.0:
        return LOW_STOP
    if has_target(policy) and math.isnan(target):
        return NO_TARGET
    if has_target(policy) and target <= 0.0:
        return LOW_TARGET
    return 0
