"""Whether an order clearly fits at its fill, without the account's exact value. Compiled; plain Python.

The account's value is a sum over all symbols, in a fixed order; to work it out at every fill would take most of the
time of a run with many. Where no log is kept it matters only whether the rule cuts the order. So the value, and what is
held short, are summed once a step and carried on from fill to fill, which rounds in another order; an order that fits
by a margin far above all rounding fits, and any other is looked at exactly.
"""

import math
from typing import Any

from risk.sizing import DUST

from .account import count, mark_at_open
from .records import USES, MarketArrays, Workspace

MARGIN = 1e-9
"""Of cash and positions together: a million times what their sums can be off by rounding."""
READY, VALUE, SHORT, GROSS = range(4)


def clearly_fits(
    step: int, cash: float, order: Any, quoted: float, price: float, grid: MarketArrays, row: Any, space: Workspace
) -> bool:
    """Whether an entry from flat is certain to be admitted whole."""
    rough = space.rough
    if space.state[order.symbol].units != 0.0 or order.loss_share < math.inf:
        return False
    side = 1 if order.units > 0.0 else -1
    if side * (quoted - order.stop) <= 0.0:
        return False
    if rough[READY] != step + 1.0:
        look(step, cash, grid, space)
    margin = MARGIN * (abs(cash) + rough[GROSS])
    value, worth = rough[VALUE] - margin, abs(order.units) * price
    if not value > 0.0 or (row.cap_at_fill and worth > row.cap * value):
        return False
    if side < 0 and rough[SHORT] + worth + margin > row.short * value:
        return False
    least = row.min_order if USES.min_order else 0.0
    return worth > (1.0 + MARGIN) * max(least, DUST * (value + 2.0 * margin))


def look(step: int, cash: float, grid: MarketArrays, space: Workspace) -> None:
    """Sum up the account at the open."""
    value, short, gross = cash, 0.0, 0.0
    for symbol in range(count(space.state)):
        units = space.state[symbol].units
        if units != 0.0:
            worth = units * mark_at_open(step, symbol, grid)
            value += worth
            gross += abs(worth)
            short += max(-worth, 0.0)
    space.rough[READY], space.rough[VALUE], space.rough[SHORT], space.rough[GROSS] = step + 1.0, value, short, gross


def carry_on(cash: float, before: float, after: float, mark: float, space: Workspace) -> None:
    """Take in a fill: what it did to the cash, and the units held before and after."""
    rough = space.rough
    rough[VALUE] += cash + (after - before) * mark
    rough[SHORT] += max(-after * mark, 0.0) - max(-before * mark, 0.0)
    rough[GROSS] += abs(after - before) * mark


def is_rough() -> bool:
    """Whether orders are looked at like this: no log is kept, there are many symbols, and no limit needs more sums."""
    if USES.record or USES.symbols == 1:
        return False
    return not (USES.gross or USES.net or USES.positions or USES.open_risk)
