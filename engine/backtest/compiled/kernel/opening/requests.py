"""Requests for units at a close, as far as the account's limits admit them. Compiled; plain Python."""

import math

from engine.backtest.compiled.codes import (
    AT_SIGNAL,
    MARKET_ORDER,
    REJECTIONS,
    RESIZED,
)
from engine.backtest.compiled.kernel.account import count, is_stop_mode, limits_of, lot_of
from engine.backtest.compiled.kernel.log_writer import explain, write_order, write_refusal
from engine.backtest.compiled.kernel.record_types import Order, PolicyRow
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
from engine.backtest.compiled.kernel.rule_views.views import reason_of, scales
from engine.backtest.compiled.kernel_features import FEATURES
from risk.account_limits import AccountExposure, headroom, settle, with_holding
from risk.sizing import DUST
from strategies._entry_order import MARKET


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


def fill_in(order: Order, request: Request, queue: Queue, loss_share: float, policy: PolicyRow) -> None:
    """Write the parts of an order that entries and resizes share; ``loss_share`` may be lost at the stop."""
    order.symbol = request.symbol
    order.sent = queue.sent
    order.price = request.close
    order.trigger = MARKET
    order.loss_share = loss_share if is_stop_mode(policy) and policy.cap_at_fill else math.inf
    order.id = -1


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


def reason_of_resize(symbol: int, workspace: Workspace) -> int:
    """The reason of an order that moves a position to another part of the rule's size; else the code of a resize."""
    return reason_of(symbol, workspace) if scales(symbol, workspace) else RESIZED
