"""Stretches of steps without events, in which only prices move: the account is valued, and nothing else is looked at.

Compiled; plain Python. Only for one symbol with a bar at every step, and only where no log is kept. The values of such
a step are computed in the same order of operations as elsewhere, so that no bit differs.
"""

import math
from typing import Any

from engine.backtest.compiled.codes import ALWAYS, ONLY_SYMBOL, STEP, SYMBOL, TRADED, TURNOVER, WHILE_FLAT
from engine.backtest.compiled.kernel_features import FEATURES

from .account import has_stop, has_target, trails
from .brackets import move_stop
from .decisions import may_enter, rule, side_of
from .record_types import PolicyRow, Position
from .records import MarketArrays, Workspace

LONG = 16
"""Steps from which on it pays to value several at once: to begin that takes longer than to value a few."""


def end_session(step: int, value: float, arrays: MarketArrays, workspace: Workspace) -> None:
    """Remember the account at the end of a session, and the turnover of the session."""
    # Of bars within the day the narrow array is read first: the other is a stream of memory of its own.
    session = step if FEATURES.daily else (arrays.return_index[step] + 1 if arrays.next_return[step] == step else 0)
    if session > 0:
        workspace.session_equity[session] = value
        if workspace.counters[TRADED] != 0.0:
            workspace.counters[TURNOVER] += workspace.counters[TRADED] / workspace.session_equity[session - 1]
            workspace.counters[TRADED] = 0.0


def next_session_end(step: int, arrays: MarketArrays) -> int:
    """The first step from here on that ends a session."""
    return step if FEATURES.daily else arrays.next_return[step]


def precompute_rule(arrays: MarketArrays, p: Any, workspace: Workspace) -> None:
    """Call the rule for every step beforehand: fills ``next_change_flat``, and the others if it may be called for them.

    A rule that reads how long a position is held is called for a flat position alone.
    """
    steps = len(arrays.return_index)
    short = flat = long = steps
    workspace.next_change_short[steps] = steps
    workspace.next_change_flat[steps] = steps
    workspace.next_change_long[steps] = steps
    for back in range(steps):
        step = steps - 1 - back
        prediction = arrays.prediction[step, ONLY_SYMBOL]
        confidence = arrays.confidence[step, ONLY_SYMBOL]
        has_opinion = not math.isnan(prediction)
        is_open = may_enter(step, ONLY_SYMBOL, arrays, p)
        flat = step if has_opinion and is_open and rule(prediction, confidence, 0, 0, p) != 0 else flat
        workspace.next_change_flat[step] = flat
        if FEATURES.skipping == ALWAYS:
            long = step if has_opinion and rule(prediction, confidence, 1, 1, p) != 1 else long
            short = step if has_opinion and rule(prediction, confidence, -1, 1, p) != -1 else short
            workspace.next_change_long[step] = long
            workspace.next_change_short[step] = short


def expect_changes(workspace: Workspace) -> None:
    """Let every step be one at which the rule may want another side, in place of :func:`precompute_rule`."""
    for step in range(len(workspace.next_change_flat)):
        workspace.next_change_short[step] = step
        workspace.next_change_flat[step] = step
        workspace.next_change_long[step] = step


def skip_to_next_event(
    step: int, cash: float, value: float, arrays: MarketArrays, policy: PolicyRow, p: Any, workspace: Workspace
) -> tuple[int, float, float]:
    """Go on to the next step at which more happens than that prices move.

    Returns
    -------
    That step, the cash, and the account's value before it; a value that is not above 0 is that of a ruined account.
    """
    position = workspace.positions[ONLY_SYMBOL]
    side = side_of(position.units)
    if side == 0:
        return skip_while_flat(step, cash, value, arrays, policy, p, workspace)
    if FEATURES.resize and policy.resize:
        return step, cash, value
    if FEATURES.skipping == ALWAYS:
        last = workspace.next_change_long[step] if side > 0 else workspace.next_change_short[step]
        if position.bracket:
            last = first_touch(step, last, position, arrays, policy)
    else:
        last = first_change(step, side, position, arrays, policy, p, workspace)
    if last == step:
        return step, cash, value
    position.bars_held += side * (last - step)
    if side > 0 and cash >= 0.0:  # no price can ruin it
        if not FEATURES.daily:
            value = value_session_ends(step, last, cash, position.units, position.entry, arrays, workspace)
            return last, cash, value
        if last - step >= LONG:
            value_long(step, last, cash, position.units, position.entry, arrays, workspace)
            return last, cash, workspace.session_equity[last - 1]
    return value_each(step, last, cash, position, arrays, policy, workspace)


def skip_while_flat(
    step: int, cash: float, value: float, arrays: MarketArrays, policy: PolicyRow, p: Any, workspace: Workspace
) -> tuple[int, float, float]:
    """The same without a position."""
    position = workspace.positions[ONLY_SYMBOL]
    if position.bracket:
        return step, cash, value
    if FEATURES.skipping >= WHILE_FLAT:
        last = workspace.next_change_flat[step]
    else:
        last = first_change(step, 0, position, arrays, policy, p, workspace)
    end = next_session_end(step, arrays)
    while end < last:
        end_session(end, value, arrays, workspace)
        end = next_session_end(end + 1, arrays)
    return last, cash, value


def first_change(
    step: int, side: int, position: Position, arrays: MarketArrays, policy: PolicyRow, p: Any, workspace: Workspace
) -> int:
    """The first step at which the rule wants another side, or the bar reaches the stop or the target."""
    workspace.failed_at[SYMBOL] = ONLY_SYMBOL
    for later in range(step, len(arrays.return_index)):
        if position.bracket and is_touched(later, position, arrays, policy):
            return later
        prediction = arrays.prediction[later, ONLY_SYMBOL]
        confidence = arrays.confidence[later, ONLY_SYMBOL]
        if not math.isnan(prediction):
            workspace.failed_at[STEP] = later
            bars_held = side * position.bars_held + 1 + later - step if side != 0 else 0
            is_open = side != 0 or may_enter(later, ONLY_SYMBOL, arrays, p)
            if is_open and rule(prediction, confidence, side, bars_held, p) != side:
                return later
        if position.bracket and has_stop(policy) and trails(policy):
            move_stop(position, position.bracket, arrays.close[later, ONLY_SYMBOL], policy)
    return len(arrays.return_index)


def first_touch(step: int, last: int, position: Position, arrays: MarketArrays, policy: PolicyRow) -> int:
    """The first step before ``last`` at which the bar reaches the stop or the target; until then a stop trails."""
    for later in range(step, last):
        if is_touched(later, position, arrays, policy):
            return later
        if has_stop(policy) and trails(policy):
            move_stop(position, position.bracket, arrays.close[later, ONLY_SYMBOL], policy)
    return last


def is_touched(step: int, position: Position, arrays: MarketArrays, policy: PolicyRow) -> bool:
    """True if the bar reaches the stop or the target."""
    side = position.bracket
    if has_stop(policy):
        worst = arrays.low[step, ONLY_SYMBOL] if side > 0 else arrays.high[step, ONLY_SYMBOL]
        if side * (worst - position.stop) <= 0.0:
            return True
    if has_target(policy):
        best = arrays.high[step, ONLY_SYMBOL] if side > 0 else arrays.low[step, ONLY_SYMBOL]
        return side * (best - position.target) >= 0.0
    return False


# --- the account in a stretch


def value_long(
    step: int, last: int, cash: float, units: float, entry: float, arrays: MarketArrays, workspace: Workspace
) -> None:
    """The account at each close while a long position is kept."""
    if step >= 0:  # so that the compiler need not think of indices from the end
        for later in range(step, last):
            workspace.session_equity[later] = value_with_long(later, cash, units, entry, arrays)


def value_session_ends(
    step: int, last: int, cash: float, units: float, entry: float, arrays: MarketArrays, workspace: Workspace
) -> float:
    """The same where only the ends of sessions are remembered; the account before ``last``."""
    end = next_session_end(step, arrays)
    while end < last:
        end_session(end, value_with_long(end, cash, units, entry, arrays), arrays, workspace)
        end = next_session_end(end + 1, arrays)
    return value_with_long(last - 1, cash, units, entry, arrays)


def value_with_long(step: int, cash: float, units: float, entry: float, arrays: MarketArrays) -> float:
    """The account at a close, as :func:`~engine.backtest.compiled.kernel.account.value_at_close` has it."""
    price = arrays.close[step, ONLY_SYMBOL]
    gained = units * (price - entry)
    return cash + ((units * price - gained) + gained)


def value_each(
    step: int,
    last: int,
    cash: float,
    position: Position,
    arrays: MarketArrays,
    policy: PolicyRow,
    workspace: Workspace,
) -> tuple[int, float, float]:
    """The same for any position: shorts owe interest, and a fall may ruin the account."""
    value = cash
    for later in range(step, last):
        days = arrays.bar_days[later, ONLY_SYMBOL]
        if FEATURES.short_interest and position.units < 0.0 and days > 0:
            owed = days * policy.short_rate * abs(position.units) * position.entry
            position.due += owed
            cash -= owed
        close = arrays.close[later, ONLY_SYMBOL]
        market_value = position.units * close
        if market_value > 0.0:
            gained = position.units * (close - position.entry)
            market_value = (market_value - gained) + gained
        value = cash + market_value
        if not value > 0.0:
            return later, cash, value
        end_session(later, value, arrays, workspace)
    return last, cash, value
