"""One backtest from the first step to the last. Compiled; plain Python."""

from typing import Any

from risk.account_limits import HaltTerms
from risk.account_stops import DAILY_LOSS, DRAWDOWN, HALTED, HaltState, watch

from .account import count, interest_on_cash, interest_on_shorts, worth_at_close
from .cash_check import check_sent
from .decisions import ask, leave_all
from .entries import enter_all
from .event_skipping import mark, pass_quiet
from .log_writer import is_full, write_close, write_halt, write_interest
from .matching import work_brackets, work_orders
from .records import BAD_SIDE, DONE, NONE, QUEUE_FULL, RUINED, USES, Log, MarketArrays, Workspace


def run_policy(grid: MarketArrays, row: Any, p: Any, space: Workspace, log: Log) -> int:
    """Backtest one policy; fills ``space.worth``, and the log if ``USES.record``.

    Parameters
    ----------
    grid : the market and its signals.
    row : the policy, of :data:`~engine.backtest.compiled.kernel.records.POLICY`.
    p : what the rule reads.
    space : where to work; ``space.where`` says at which step and symbol a kernel ended that did not end well.

    Returns
    -------
    ``DONE`` or why not.
    """
    clear(space)
    state = space.state
    cash = value = space.worth[0] = row.cash
    waiting = accepted = sent = step = 0
    seen = HaltState(cash, cash, cash, 0)
    while step < len(grid.day):
        space.where[0] = step
        if USES.record and is_full(log, state):
            return DONE
        cash, waiting = work(step, cash, accepted, waiting, grid, row, space, log)
        accepted = waiting
        value = worth_at_close(step, cash, grid, state)
        if USES.record:
            write_close(log, step, value, cash, state)
        elif not value > 0.0:
            return ruined(value, space)
        mark(step, value, grid, space)
        seen, acts, left = look(step, value, seen, grid, row, log)
        wanting = ask(step, grid, p, space)
        if wanting < 0:
            return BAD_SIDE
        if wanting or acts:
            waiting, sent = leave_all(step, wanting, waiting, sent, acts, grid, space, log)
            if waiting <= len(space.queue):
                waiting, sent = enter_all(step, wanting, waiting, sent, value, left, grid, row, space, log)
            if waiting > len(space.queue):
                return QUEUE_FULL
        if USES.halts and acts:
            accepted = 0
        step += 1
        if USES.foresight and waiting == 0:
            step, cash, value = pass_quiet(step, cash, value, grid, row, p, space)
            if not value > 0.0:
                return ruined(value, space)
    return DONE


def ruined(value: float, space: Workspace) -> int:
    """The account lost more than it had; its last value stands at the end."""
    space.worth[-1] = value
    return RUINED


def work(
    step: int, cash: float, accepted: int, waiting: int, grid: MarketArrays, row: Any, space: Workspace, log: Log
) -> tuple[float, int]:
    """The broker's step: interest, the check of what was sent, fills; the cash, and how many orders still wait."""
    state = space.state
    if USES.cash_interest and row.cash_rate != 0.0 and grid.idle_days[step] > 0:
        earned = interest_on_cash(grid.idle_days[step], cash, state, row)
        cash += earned
        if USES.record:
            write_interest(log, step, earned)
    if waiting > accepted:
        waiting = check_sent(cash, accepted, waiting, row, space, log)
    if USES.short_interest:
        cash -= interest_on_shorts(step, grid, state, row)
    if waiting:
        cash, waiting = work_orders(step, cash, waiting, grid, row, space, log)
    if USES.stop != NONE or USES.target != NONE:
        cash = work_brackets(step, cash, grid, row, space, log)
    return cash, waiting


def look(
    step: int, value: float, seen: HaltState, grid: MarketArrays, row: Any, log: Log
) -> tuple[HaltState, int, int]:
    """The account's stops at a close: what they remember, the code of one that acts (else 0), and bars to wait."""
    if not USES.halts:
        return seen, 0, 0
    terms = HaltTerms(row.daily_loss, row.drawdown, row.resume_after)
    seen, code = watch(seen, value, grid.new_session[step], terms)
    acts = code if code in (DAILY_LOSS, DRAWDOWN) else 0
    if acts and USES.record:
        write_halt(log, step, code, value, seen.peak if code == DRAWDOWN else seen.base)
    return seen, acts, seen.left if acts or code == HALTED else 0


def clear(space: Workspace) -> None:
    """Begin with nothing held and nothing sent."""
    for symbol in range(count(space.state)):
        held = space.state[symbol]
        held.units = held.entry = held.due = held.planned = 0.0
        held.stop = held.target = float("nan")
        held.held = held.bracket = held.live_from = held.leaves = held.hit = 0
        held.due_since = held.entry_id = held.stop_id = held.target_id = -1
    space.tally[:] = 0.0
    space.rough[0] = space.plan[0] = 0.0
