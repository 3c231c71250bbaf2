"""Entries and resizes at a close, within the account's limits. Compiled; plain Python.

The order of events is that of :class:`strategies._backtrader.SignalStrategy`.
"""

import math

from engine.backtest.compiled.codes import (
    ADD,
    AT_SIGNAL,
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
    REDUCE,
    REJECTIONS,
    RESIZED,
    STOP_ORDER,
)
from engine.backtest.compiled.kernel_features import FEATURES
from risk.account_limits import AccountExposure, headroom, settle, with_holding
from risk.sizing import DUST, lot_floor, resize_units, units_for_loss
from risk.stops import stop_price, target_price
from strategies._entry_order import LIMIT, MARKET

from .account import (
    count,
    has_stop,
    has_target,
    is_stop_mode,
    limits_of,
    lot_of,
    rule_size,
    size_in_lots,
    stop_distance,
    target_distance,
    trails,
)
from .decisions import keeps, overfull, with_order
from .entry_orders import price_of_entry
from .log_writer import explain, last_halt, write_children, write_order, write_refusal
from .record_types import EntryTerms, Order, PolicyRow, Position
from .records import Admission, Decision, Log, MarketArrays, Queue, Reason, Request, Workspace
from .views import reason_of, scales, weight_of


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


def is_resized(symbol: int, policy: PolicyRow, workspace: Workspace) -> bool:
    """True if a position that is kept is moved to the size that is wanted."""
    return policy.resize != 0 or scales(symbol, workspace)


def is_added_to(position: Position, decision: Decision) -> bool:
    """True if a position may be added to at this close."""
    return position.is_closing == 0 and decision.halt_bars == 0


# --- the account's limits


def planned_exposure(decision: Decision, entries: int, arrays: MarketArrays, workspace: Workspace) -> AccountExposure:
    """The account's exposure after the orders of this close so far: positions that stay, then entries in order."""
    positions = workspace.positions
    plan = workspace.planned_exposure[0]
    exposure = AccountExposure(decision.value, 0.0, 0.0, 0.0, 0.0, 0.0)
    if not FEATURES.resize and plan.entries >= 0:  # nothing that stays is resized: the sums go on from where they were
        exposure = AccountExposure(decision.value, plan.gross, plan.net, plan.short, plan.positions, plan.open_risk)
        first = plan.entries
    else:
        first = 0
        for symbol in range(count(positions)):
            position = positions[symbol]
            if not position.is_closing and position.units != 0.0:
                units = position.planned if FEATURES.resize else position.units
                exposure = with_holding(exposure, units, arrays.close[decision.step, symbol], position.stop)
    for index in range(first, entries):
        symbol = workspace.planned_symbols[index]
        price = workspace.planned_prices[symbol]
        exposure = with_holding(exposure, positions[symbol].planned, price, workspace.planned_stops[symbol])
    plan.entries = entries
    plan.gross = exposure.gross
    plan.net = exposure.net
    plan.short = exposure.short
    plan.positions = exposure.positions
    plan.open_risk = exposure.open_risk
    return exposure


def admit_request(
    request: Request,
    decision: Decision,
    entries: int,
    arrays: MarketArrays,
    policy: PolicyRow,
    workspace: Workspace,
) -> Admission:
    """The units of a request that the account's limits admit at the signal, after so many planned entries."""
    exposure = AccountExposure(decision.value, 0.0, 0.0, 0.0, 0.0, 0.0)
    if FEATURES.gross or FEATURES.net or FEATURES.positions or FEATURES.open_risk or request.side < 0:
        exposure = planned_exposure(decision, entries, arrays, workspace)
    limits = limits_of(policy)
    room, code = headroom(request.side, request.close, request.stop, request.is_new, exposure, limits)
    min_value = max(limits.min_order, DUST * decision.value)
    units, code = settle(request.units, room, code, request.close, lot_of(policy), min_value)
    return Admission(units, code, room)


# --- entries


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


def fill_in(order: Order, request: Request, queue: Queue, loss_share: float, policy: PolicyRow) -> None:
    """Write the parts of an order that entries and resizes share; ``loss_share`` may be lost at the stop."""
    order.symbol = request.symbol
    order.sent = queue.sent
    order.price = request.close
    order.trigger = MARKET
    order.loss_share = loss_share if is_stop_mode(policy) and policy.cap_at_fill else math.inf
    order.id = -1


def kind_of_entry(p: EntryTerms) -> int:
    """The kind of an entry's order in the log."""
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


# --- resizes


def reduce_all(
    decision: Decision,
    changes: int,
    queue: Queue,
    arrays: MarketArrays,
    policy: PolicyRow,
    workspace: Workspace,
    log: Log,
) -> Queue:
    """Send the orders that move positions down to the rule's size: they make room for what is opened at this close."""
    for index in range(changes):
        symbol = workspace.changed_symbols[index]
        position = workspace.positions[symbol]
        if not keeps(position) or position.is_closing or not is_resized(symbol, policy, workspace):
            continue
        change = resizing(decision, symbol, weight_of(symbol, workspace), position, arrays, policy)
        if change >= 0.0:
            continue
        if queue.waiting >= len(workspace.orders):
            return overfull(queue)
        side = position.target_side
        request = Request(symbol, side, -change, arrays.close[decision.step, symbol], position.stop, False)
        position.planned = position.planned - side * -change
        queue = send_resize(
            decision, request, Admission(-change, 0, 0.0), REDUCE, queue, arrays, policy, workspace, log
        )
    return queue


def add(
    decision: Decision,
    symbol: int,
    queue: Queue,
    arrays: MarketArrays,
    policy: PolicyRow,
    workspace: Workspace,
    log: Log,
) -> Queue:
    """Move a position up to the rule's size if it is off by more than the band."""
    position = workspace.positions[symbol]
    change = resizing(decision, symbol, weight_of(symbol, workspace), position, arrays, policy)
    if change <= 0.0:
        return queue
    side = position.target_side
    request = Request(symbol, side, change, arrays.close[decision.step, symbol], position.stop, False)
    admission = admit_request(request, decision, queue.planned, arrays, policy, workspace)
    position.planned = position.planned + side * admission.units
    if admission.units <= 0.0:
        refuse(decision.step, request, admission, workspace, log)
        return queue
    if queue.waiting >= len(workspace.orders):
        return overfull(queue)
    return send_resize(decision, request, admission, ADD, queue, arrays, policy, workspace, log)


def send_resize(
    decision: Decision,
    request: Request,
    admission: Admission,
    kind: int,
    queue: Queue,
    arrays: MarketArrays,
    policy: PolicyRow,
    workspace: Workspace,
    log: Log,
) -> Queue:
    """Send the order of a resize, for which there is room in the queue."""
    side = request.side if kind == ADD else -request.side
    order = workspace.orders[queue.waiting]
    order.kind = kind
    order.units = side * admission.units
    order.stop = order.target = math.nan
    weight = weight_of(request.symbol, workspace)
    loss_share = policy.base * arrays.confidence[decision.step, request.symbol] * weight
    fill_in(order, request, queue, loss_share, policy)
    if FEATURES.record:
        order.id = write_request(decision.step, request, admission, side, log)
        log.orders[order.id].reason = reason_of_resize(request.symbol, workspace)
    return with_order(queue)


def reason_of_resize(symbol: int, workspace: Workspace) -> int:
    """The reason of an order that moves a position to another part of the rule's size; else the code of a resize."""
    return reason_of(symbol, workspace) if scales(symbol, workspace) else RESIZED


def resizing(
    decision: Decision, symbol: int, weight: float, position: Position, arrays: MarketArrays, policy: PolicyRow
) -> float:
    """The units by which a position is moved to the size that is wanted: above 0 added, below 0 taken off."""
    units = abs(position.units)
    target_units = resized(decision, symbol, weight, position, arrays, policy)
    close = arrays.close[decision.step, symbol]
    min_value = max(policy.min_order if FEATURES.min_order else 0.0, DUST * decision.value)
    band = policy.band if policy.resize else 0.0
    change = resize_units(target_units, units, close, band, lot_of(policy), min_value)
    return -change if target_units < units else change


def resized(
    decision: Decision, symbol: int, weight: float, position: Position, arrays: MarketArrays, policy: PolicyRow
) -> float:
    """The size of a position that is wanted at this close; in mode ``stop`` it may lose no more at the stop it has."""
    side = position.target_side
    close = arrays.close[decision.step, symbol]
    confidence = arrays.confidence[decision.step, symbol]
    stop = stop_price(side, close, stop_distance(decision.step, symbol, close, arrays, policy))
    units = size_in_lots(side, confidence, decision.value, close, stop, weight, policy)
    if is_stop_mode(policy) and not math.isnan(position.stop):
        money = decision.value * policy.base * confidence * weight
        max_units = units_for_loss(money, side, close, position.stop, policy)
        units = lot_floor(min(units, max_units), lot_of(policy))
    return units


# --- the log


def write_request(step: int, request: Request, admission: Admission, side: int, log: Log) -> int:
    """Log a market order, and the units that the limits cut at the signal; returns its id.

    Parameters
    ----------
    side : of the order; a reduction is on the other side than its position.
    """
    size = side * admission.units
    order_id = write_order(log, MARKET_ORDER, request.symbol, step, size)
    cut = request.units - admission.units
    if cut != 0.0:
        log.orders[order_id].cut = cut
        explain(log, order_id, limit_at_signal(request, admission))
    return order_id


def refuse(step: int, request: Request, admission: Admission, workspace: Workspace, log: Log) -> None:
    """Count and log a request that the limits bar."""
    workspace.counters[REJECTIONS] += 1.0
    if FEATURES.record:
        order_id = write_refusal(log, request.symbol, step, request.side, request.units)
        if request.is_new:
            log.orders[order_id].reason = reason_of(request.symbol, workspace)
        else:
            log.orders[order_id].reason = reason_of_resize(request.symbol, workspace)
        explain(log, order_id, limit_at_signal(request, admission))


def limit_at_signal(request: Request, admission: Admission) -> Reason:
    """The limit that holds a request back."""
    return Reason(
        code=admission.code + AT_SIGNAL,
        room=admission.room,
        requested=request.units,
        at=request.close,
        quoted=0.0,
    )
