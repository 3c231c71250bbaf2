"""backtrader's bookkeeping in its own order of operations, so that every bit is the same. Compiled; plain Python.

The arithmetic of a run is here and in :mod:`risk`: what opens and closes costs, what cash and positions become, what an
account is worth. docs/engines.md says what was copied from where.
"""

import math
from typing import Any

from risk.account_limits import LimitValues
from risk.costs import commission, idle_cash
from risk.sizing import lot_floor, risk_money, rule_units, stop_units

from .records import ANY, PERCENT, STOP, USES, MarketArrays


def count(state: Any) -> int:
    """How many symbols there are."""
    return USES.symbols if USES.symbols else len(state)


def is_fresh(grid: MarketArrays, step: int, symbol: int) -> bool:
    """Whether a symbol has a new bar."""
    return grid.fresh[step, symbol] if USES.gaps else True


def charge(units: float, price: float, row: Any) -> float:
    """The commission of one part of a fill."""
    if USES.commission:
        return commission(units, price, row)
    return abs(units) * row.commission * price


def cash_after_close(cash: float, closed: float, entry: float, price: float, row: Any) -> float:
    """The cash once ``closed`` units (signed like the order) of a position that was entered at ``entry`` are gone."""
    gained = -closed * (price - entry)
    return cash + (-closed * entry + gained) - charge(closed, price, row)


def cash_after_open(cash: float, opened: float, price: float, row: Any) -> float:
    """The cash once ``opened`` units are bought (above 0) or sold short."""
    return cash - opened * price - charge(opened, price, row)


def cash_if_sent(cash: float, held: float, size: float, price: float, row: Any) -> tuple[float, float]:
    """What the check of a sent order makes of cash and position: it fills at its own price, without slippage."""
    after = held + size
    if after == 0.0 or (held > 0.0 and size < 0.0 and after > 0.0) or (held < 0.0 and size > 0.0 and after < 0.0):
        return cash - size * price - charge(size, price, row), after
    if held == 0.0 or (held > 0.0) == (size > 0.0):
        return cash_after_open(cash, size, price, row), after
    cash = cash + held * price - charge(-held, price, row)
    return cash_after_open(cash, after, price, row), after


def slipped(price: float, side: float, bound: float, row: Any) -> float:
    """A price as it slips: up for a buy, down for a sale; inside the bar unless the broker lets it out."""
    if not USES.slippage or row.slippage == 0.0:
        return price
    if side > 0:
        worse = price * (1 + row.slippage)
        return worse if is_let_out(row) or worse <= bound else bound
    worse = price * (1 - row.slippage)
    return worse if is_let_out(row) or worse >= bound else bound


def is_let_out(row: Any) -> bool:
    """Whether slippage may leave the bar's range."""
    return row.slip_out == 1 if USES.slip_out == ANY else USES.slip_out == 1


def worth_at_close(step: int, cash: float, grid: MarketArrays, state: Any) -> float:
    """The account at a close; a long position is split into what it cost and what it gained, as backtrader does."""
    total = 0.0
    for symbol in range(count(state)):
        units = state[symbol].units
        if units != 0.0:
            close = grid.close[step, symbol]
            worth = units * close
            if worth > 0.0:
                gained = units * (close - state[symbol].entry)
                worth -= gained
                total += worth
                total += gained
            else:
                total += worth
    return cash + total


def worth_at_open(step: int, cash: float, grid: MarketArrays, state: Any) -> float:
    """The account as it is known at an open: symbols with a new bar at its open, the others at their last close."""
    total = 0.0
    for symbol in range(count(state)):
        units = state[symbol].units
        if units != 0.0:
            total += units * mark_at_open(step, symbol, grid)
    return cash + total


def mark_at_open(step: int, symbol: int, grid: MarketArrays) -> float:
    """The price known at an open."""
    return grid.open[step, symbol] if is_fresh(grid, step, symbol) else grid.close[step, symbol]


def interest_on_cash(days: int, cash: float, state: Any, row: Any) -> float:
    """What the cash earned that lay idle, without the proceeds of shorts."""
    shorts = 0.0
    for symbol in range(count(state)):
        if state[symbol].units < 0.0:
            shorts += -state[symbol].units * state[symbol].entry
    return days * row.cash_rate * idle_cash(cash, shorts)


def interest_on_shorts(step: int, grid: MarketArrays, state: Any, row: Any) -> float:
    """What the shorts with a new bar owe since their last; it stays with each until a fill that closes books it."""
    total = 0.0
    for symbol in range(count(state)):
        held = state[symbol]
        if held.units != 0.0:
            if USES.record and held.due_since < 0:
                held.due_since = step
            days = grid.days[step, symbol] if is_fresh(grid, step, symbol) else 0
            if held.units < 0.0 and days > 0:
                owed = days * row.short_rate * abs(held.units) * held.entry
                held.due += owed
                total += owed
    return total


def limits_of(row: Any) -> LimitValues:
    """The account's limits on new risk."""
    return LimitValues(
        row.gross if USES.gross else math.inf,
        row.net if USES.net else math.inf,
        row.short if USES.short else math.inf,
        row.positions if USES.positions else math.inf,
        row.open_risk if USES.open_risk else math.inf,
        row.min_order if USES.min_order else 0.0,
    )


def lot_of(row: Any) -> float:
    """Units in one lot."""
    return row.lot if USES.lot else 0.0


def is_stop_mode(row: Any) -> bool:
    """Whether ``base`` is a share of the account for the loss at the stop."""
    return row.mode == STOP if USES.mode == ANY else USES.mode == STOP


def opening_units(side: int, confidence: float, value: float, close: float, stop: float, row: Any) -> float:
    """Units that the rule gives a new position, before they are rounded to lots."""
    if is_stop_mode(row):
        loss = risk_money(confidence, value, row.base, 1.0)
        most = risk_money(1.0, value, row.cap, row.cap)
        return stop_units(loss, most, side, close, stop, 0.0, row)
    return rule_units(confidence, value, close, row.base, row.cap, 0.0)


def opening_size(side: int, confidence: float, value: float, close: float, stop: float, row: Any) -> float:
    """The same in whole lots."""
    return lot_floor(opening_units(side, confidence, value, close, stop, row), lot_of(row))


def has_stop(row: Any) -> bool:
    """Whether positions have a stop."""
    return row.stop > 0 if USES.stop == ANY else USES.stop > 0


def has_target(row: Any) -> bool:
    """Whether positions have a target."""
    return row.target > 0 if USES.target == ANY else USES.target > 0


def trails(row: Any) -> bool:
    """Whether stops follow the close."""
    return row.trails == 1 if USES.trails == ANY else USES.trails == 1


def stop_distance(step: int, symbol: int, close: float, grid: MarketArrays, row: Any) -> float:
    """How far the stop of a decision at this close lies away; NaN for none."""
    if not has_stop(row):
        return math.nan
    kind = row.stop if USES.stop == ANY else USES.stop
    return close * row.stop_value if kind == PERCENT else row.stop_value * grid.ranges[row.stop_range, step, symbol]


def target_distance(step: int, symbol: int, close: float, grid: MarketArrays, row: Any) -> float:
    """How far the target of a decision at this close lies away; NaN for none."""
    if not has_target(row):
        return math.nan
    kind = row.target if USES.target == ANY else USES.target
    if kind == PERCENT:
        return close * row.target_value
    return row.target_value * grid.ranges[row.target_range, step, symbol]
