"""Orders that move a position to the size that is wanted. Compiled; plain Python."""

import math

from engine.backtest.compiled.codes import (
    ADD,
    REDUCE,
)
from engine.backtest.compiled.kernel.account import is_stop_mode, lot_of, size_in_lots, stop_distance
from engine.backtest.compiled.kernel.decisions import keeps, overfull, with_order
from engine.backtest.compiled.kernel.record_types import PolicyRow, Position
from engine.backtest.compiled.kernel.records import Admission, Decision, Log, MarketArrays, Queue, Request, Workspace
from engine.backtest.compiled.kernel.rule_views.views import scales, weight_of
from engine.backtest.compiled.kernel_features import FEATURES
from risk.sizing import DUST, lot_floor, resize_units, units_for_loss
from risk.stops import stop_price

from .requests import admit_request, fill_in, reason_of_resize, refuse, write_request


def is_resized(symbol: int, policy: PolicyRow, workspace: Workspace) -> bool:
    """True if a position that is kept is moved to the size that is wanted."""
    return policy.resize != 0 or scales(symbol, workspace)


def is_added_to(position: Position, decision: Decision) -> bool:
    """True if a position may be added to at this close."""
    return position.is_closing == 0 and decision.halt_bars == 0


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
