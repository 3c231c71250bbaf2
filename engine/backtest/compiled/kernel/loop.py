"""One backtest from the first step to the last. Compiled; plain Python."""

import math
from typing import Any

from engine.backtest.compiled.codes import BAD_SIDE, DONE, NONE, QUEUE_FULL, RUINED, STEP
from engine.backtest.compiled.kernel_features import FEATURES
from risk.account_limits import HaltTerms
from risk.account_stops import DAILY_LOSS, DRAWDOWN, HALTED, HaltState, watch
from strategies._entry_order import MARKET

from .account import count, interest_on_cash, interest_on_shorts, value_at_close
from .brackets import work_brackets
from .cash_check import check_sent
from .decisions import call_rule, close_all
from .delisting import close_ended
from .event_skipping import end_session, skip_to_next_event
from .log_writer import is_full, write_close, write_halt, write_interest
from .matching import work_orders
from .opening.entries import enter_all
from .opening.entry_orders import set_waiting
from .record_types import PolicyRow
from .records import Decision, Log, MarketArrays, Queue, Workspace
from .rule_views.views import clear_view


def run_policy(arrays: MarketArrays, policy: PolicyRow, p: Any, workspace: Workspace, log: Log) -> int:
    """Backtest one policy; fills ``workspace.session_equity``, and the log if ``FEATURES.record``.

    Parameters
    ----------
    arrays : the market and its signals.
    policy : of :data:`~engine.backtest.compiled.kernel.records.POLICY`.
    p : the parameters of the strategy's rule.
    workspace : ``failed_at`` has the step and symbol at which a kernel ended that did not end well.

    Returns
    -------
    ``DONE`` or the reason for which it is not.
    """
    clear(workspace)
    cash = policy.cash
    value = cash
    workspace.session_equity[0] = cash
    queue = Queue(0, 0, 0, 0)
    halts = HaltState(cash, cash, cash, 0)
    step = 0
    while step < len(arrays.return_index):
        workspace.failed_at[STEP] = step
        if FEATURES.record and is_full(log, workspace.positions):
            return DONE
        cash, waiting = work(step, cash, queue, arrays, policy, workspace, log)
        queue = Queue(waiting, waiting, queue.sent, 0)
        value = value_at_close(step, cash, arrays, workspace.positions)
        if FEATURES.record:
            write_close(log, step, value, cash, workspace.positions)
        elif not value > 0.0:
            return ruined(value, workspace)
        end_session(step, value, arrays, workspace)
        halts, halt, halt_bars = check_account(step, value, halts, arrays, policy, log)
        changes = call_rule(step, arrays, p, workspace, log)
        if changes < 0:
            return BAD_SIDE
        if changes or halt:
            queue = close_all(step, changes, queue, halt, arrays, workspace, log)
            if queue.waiting <= len(workspace.orders):
                decision = Decision(step, value, halt_bars)
                queue = enter_all(decision, changes, queue, arrays, policy, p, workspace, log)
            if queue.waiting > len(workspace.orders):
                return QUEUE_FULL
        if FEATURES.halts and halt:
            queue = Queue(0, queue.waiting, queue.sent, 0)
        step += 1
        if FEATURES.skipping and queue.waiting == 0:
            step, cash, value = skip_to_next_event(step, cash, value, arrays, policy, p, workspace)
            if not value > 0.0:
                return ruined(value, workspace)
    return DONE


def ruined(value: float, workspace: Workspace) -> int:
    """The account lost more than it had; its last value stands at the end."""
    workspace.session_equity[-1] = value
    return RUINED


def work(
    step: int,
    cash: float,
    queue: Queue,
    arrays: MarketArrays,
    policy: PolicyRow,
    workspace: Workspace,
    log: Log,
) -> tuple[float, int]:
    """The broker's step: interest, the check of sent orders, fills.

    Returns
    -------
    The cash, and the number of orders that still wait.
    """
    waiting = queue.waiting
    if FEATURES.cash_interest and policy.cash_rate != 0.0 and arrays.step_days[step] > 0:
        earned = interest_on_cash(arrays.step_days[step], cash, workspace.positions, policy)
        cash += earned
        if FEATURES.record:
            write_interest(log, step, earned)
    if waiting > queue.accepted:
        waiting = check_sent(cash, queue, policy, workspace, log)
        if FEATURES.entry_orders:
            waiting = set_waiting(waiting, workspace)
    if FEATURES.short_interest:
        cash -= interest_on_shorts(step, arrays, workspace.positions, policy, log)
    if waiting:
        cash, waiting = work_orders(step, cash, waiting, arrays, policy, workspace, log)
    if FEATURES.stop != NONE or FEATURES.target != NONE or FEATURES.entry_orders:
        cash = work_brackets(step, cash, arrays, policy, workspace, log)
    if FEATURES.delisting:
        cash, waiting = close_ended(step, cash, waiting, arrays, policy, workspace, log)
    return cash, waiting


def check_account(
    step: int, value: float, halts: HaltState, arrays: MarketArrays, policy: PolicyRow, log: Log
) -> tuple[HaltState, int, int]:
    """The account's stops at a close.

    Returns
    -------
    Their new state, the code of one that acts (else 0), and the bars until trading resumes.
    """
    if not FEATURES.halts:
        return halts, 0, 0
    terms = HaltTerms(policy.daily_loss, policy.drawdown, policy.resume_after)
    halts, code = watch(halts, value, arrays.new_session[step], terms)
    halt = code if code in (DAILY_LOSS, DRAWDOWN) else 0
    if halt and FEATURES.record:
        write_halt(log, step, code, value, halts.peak if code == DRAWDOWN else halts.base)
    return halts, halt, halts.left if halt or code == HALTED else 0


def clear(workspace: Workspace) -> None:
    """Begin with nothing held and nothing sent."""
    for symbol in range(count(workspace.positions)):
        position = workspace.positions[symbol]
        position.units = position.entry = position.due = position.planned = 0.0
        position.stop = position.target = math.nan
        position.bars_held = position.bracket = position.live_from = position.is_closing = position.hit = 0
        position.side_left = position.bars_to_wait = 0
        position.entry_id = position.stop_id = position.target_id = -1
        if FEATURES.view:
            clear_view(symbol, workspace)
        if FEATURES.entry_orders:
            workspace.waiting_entries[symbol].trigger = MARKET
    workspace.counters[:] = 0.0
    workspace.approx_account[0].step = -1
    workspace.planned_exposure[0].entries = -1
