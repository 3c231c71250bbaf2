"""Stretches in which nothing can happen but that prices move: the account is marked, and nothing else is looked at.

Compiled; plain Python. Only for one symbol with a bar at every step, and only where no log is kept. What a step would
have done there is done in the same order of operations, so that no bit differs.
"""

import math
from typing import Any

from .account import has_stop, has_target, trails
from .decisions import rule, side_of
from .matching import move_stop
from .records import ALWAYS, FLAT, TRADED, TURNOVER, USES, MarketArrays, Workspace

LONG = 16
"""Steps from which on it pays to mark several at once: to begin that takes longer than to mark a few."""


def mark(step: int, value: float, grid: MarketArrays, space: Workspace) -> None:
    """Remember the account at the end of a session, and what was traded in it."""
    # Of bars within the day the narrow array is asked first: the other is a stream of memory of its own.
    session = step if USES.daily else (grid.day[step] + 1 if grid.ends[step] == step else 0)
    if session > 0:
        space.worth[session] = value
        if space.tally[TRADED] != 0.0:
            space.tally[TURNOVER] += space.tally[TRADED] / space.worth[session - 1]
            space.tally[TRADED] = 0.0


def next_mark(step: int, grid: MarketArrays) -> int:
    """The first step from here on that :func:`mark` has something to remember at."""
    return step if USES.daily else grid.ends[step]


def foresee(grid: MarketArrays, p: Any, space: Workspace) -> None:
    """Ask the rule beforehand: fills ``space.until``. For a side that it asks ``held`` about, it is not asked."""
    steps = len(grid.day)
    short = flat = long = steps
    space.until[0, steps] = space.until[1, steps] = space.until[2, steps] = steps
    for back in range(steps):
        step = steps - 1 - back
        told, sure = grid.prediction[step, 0], grid.confidence[step, 0]
        known = not math.isnan(told)
        flat = step if known and rule(told, sure, 0, 0, p) != 0 else flat
        space.until[1, step] = flat
        if USES.foresight == ALWAYS:
            long = step if known and rule(told, sure, 1, 1, p) != 1 else long
            short = step if known and rule(told, sure, -1, 1, p) != -1 else short
            space.until[2, step], space.until[0, step] = long, short


def look_every_step(space: Workspace) -> None:
    """Do without foresight: something may happen at each step."""
    for side in range(3):
        for step in range(space.until.shape[1]):
            space.until[side, step] = step


def pass_quiet(
    step: int, cash: float, value: float, grid: MarketArrays, row: Any, p: Any, space: Workspace
) -> tuple[int, float, float]:
    """Go on to the next step at which more happens than that prices move.

    Returns
    -------
    That step, the cash, and the account's value before it; one that is not above 0 says that the account is ruined.
    """
    held = space.state[0]
    side = side_of(held.units)
    if side == 0:
        if held.bracket:
            return step, cash, value
        last = space.until[1, step] if USES.foresight >= FLAT else first_wish(step, 0, held, grid, row, p, space)
        quiet = next_mark(step, grid)
        while quiet < last:
            mark(quiet, value, grid, space)
            quiet = next_mark(quiet + 1, grid)
        return last, cash, value
    if USES.resize and row.resize:
        return step, cash, value
    if USES.foresight == ALWAYS:
        last = space.until[side + 1, step]
        if held.bracket:
            last = first_touch(step, last, held, grid, row)
    else:
        last = first_wish(step, side, held, grid, row, p, space)
    if last == step:
        return step, cash, value
    held.held += side * (last - step)
    if side > 0 and cash >= 0.0:  # no price can ruin it
        if not USES.daily:
            return last, cash, mark_ends(step, last, cash, held.units, held.entry, grid, space)
        if last - step >= LONG:
            mark_long(step, last, cash, held.units, held.entry, grid, space)
            return last, cash, space.worth[last - 1]
    return mark_each(step, last, cash, held, grid, row, space)


def first_wish(step: int, side: int, held: Any, grid: MarketArrays, row: Any, p: Any, space: Workspace) -> int:
    """The first step at which the rule wants something new, or the bar reaches the stop or the target."""
    space.where[1] = 0
    for quiet in range(step, len(grid.day)):
        if held.bracket and is_touched(quiet, held, grid, row):
            return quiet
        told, sure = grid.prediction[quiet, 0], grid.confidence[quiet, 0]
        if not math.isnan(told):
            space.where[0] = quiet
            since = side * held.held + 1 + quiet - step if side != 0 else 0
            if rule(told, sure, side, since, p) != side:
                return quiet
        if held.bracket and has_stop(row) and trails(row):
            move_stop(held, held.bracket, grid.close[quiet, 0], row)
    return len(grid.day)


def first_touch(step: int, last: int, held: Any, grid: MarketArrays, row: Any) -> int:
    """The first step before ``last`` at which the bar reaches the stop or the target; until then a stop trails."""
    for quiet in range(step, last):
        if is_touched(quiet, held, grid, row):
            return quiet
        if has_stop(row) and trails(row):
            move_stop(held, held.bracket, grid.close[quiet, 0], row)
    return last


def is_touched(step: int, held: Any, grid: MarketArrays, row: Any) -> bool:
    """Whether the bar reaches the stop or the target."""
    side = held.bracket
    if has_stop(row):
        worst = grid.low[step, 0] if side > 0 else grid.high[step, 0]
        if side * (worst - held.stop) <= 0.0:
            return True
    if has_target(row):
        best = grid.high[step, 0] if side > 0 else grid.low[step, 0]
        return side * (best - held.target) >= 0.0
    return False


def mark_long(
    step: int, last: int, cash: float, units: float, entry: float, grid: MarketArrays, space: Workspace
) -> None:
    """The account at each close while a long position is kept."""
    if step >= 0:  # so that the compiler need not think of indices from the end
        for quiet in range(step, last):
            space.worth[quiet] = worth_of_long(quiet, cash, units, entry, grid)


def mark_ends(
    step: int, last: int, cash: float, units: float, entry: float, grid: MarketArrays, space: Workspace
) -> float:
    """The same where only the ends of sessions are remembered; the account before ``last``."""
    quiet = next_mark(step, grid)
    while quiet < last:
        mark(quiet, worth_of_long(quiet, cash, units, entry, grid), grid, space)
        quiet = next_mark(quiet + 1, grid)
    return worth_of_long(last - 1, cash, units, entry, grid)


def worth_of_long(step: int, cash: float, units: float, entry: float, grid: MarketArrays) -> float:
    """The account at a close, as :func:`~engine.backtest.compiled.kernel.account.worth_at_close` has it."""
    price = grid.close[step, 0]
    gained = units * (price - entry)
    return cash + ((units * price - gained) + gained)


def mark_each(
    step: int, last: int, cash: float, held: Any, grid: MarketArrays, row: Any, space: Workspace
) -> tuple[int, float, float]:
    """The same for any position: shorts owe interest, and a fall may ruin the account."""
    value = cash
    for quiet in range(step, last):
        if USES.short_interest and held.units < 0.0 and grid.days[quiet, 0] > 0:
            owed = grid.days[quiet, 0] * row.short_rate * abs(held.units) * held.entry
            held.due += owed
            cash -= owed
        worth = held.units * grid.close[quiet, 0]
        if worth > 0.0:
            gained = held.units * (grid.close[quiet, 0] - held.entry)
            worth = (worth - gained) + gained
        value = cash + worth
        if not value > 0.0:
            return quiet, cash, value
        mark(quiet, value, grid, space)
    return last, cash, value
