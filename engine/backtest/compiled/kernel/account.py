"""backtrader's bookkeeping in its own order of operations, so that every bit is the same. Compiled; plain Python.

The arithmetic of a run is here and in :mod:`risk`: costs of fills, cash and positions after them, the account's value.
docs/engines.md lists what was copied from where.
"""

import math

from engine.backtest.compiled.codes import ANY, PERCENT, STOP
from engine.backtest.compiled.kernel_features import FEATURES
from risk.account_limits import LimitValues
from risk.costs import commission, idle_cash
from risk.sizing import lot_floor, risk_money, rule_units, stop_units

from .log_writer import write_charge
from .record_types import PolicyRow, Position, Records
from .records import Log, MarketArrays


def count(positions: Records[Position]) -> int:
    """The number of symbols."""
    return FEATURES.symbols if FEATURES.symbols else len(positions)


def is_fresh(arrays: MarketArrays, step: int, symbol: int) -> bool:
    """True if a symbol has a new bar."""
    return arrays.has_bar[step, symbol] if FEATURES.gaps else True


def charge(units: float, price: float, policy: PolicyRow) -> float:
    """The commission of one part of a fill."""
    if FEATURES.commission:
        return commission(units, price, policy)
    return abs(units) * policy.commission * price


def cash_after_close(cash: float, closed: float, entry: float, price: float, policy: PolicyRow) -> float:
    """The cash after ``closed`` units (signed like the order) of a position entered at ``entry``."""
    gained = -closed * (price - entry)
    return cash + (-closed * entry + gained) - charge(closed, price, policy)


def cash_after_open(cash: float, opened: float, price: float, policy: PolicyRow) -> float:
    """The cash after ``opened`` units are bought (above 0) or sold short."""
    return cash - opened * price - charge(opened, price, policy)


def cash_if_sent(cash: float, units: float, size: float, price: float, policy: PolicyRow) -> tuple[float, float]:
    """Cash and units after the check of a sent order, which fills at its own price without slippage."""
    after = units + size
    if after == 0.0 or (units > 0.0 and size < 0.0 and after > 0.0) or (units < 0.0 and size > 0.0 and after < 0.0):
        return cash - size * price - charge(size, price, policy), after
    if units == 0.0 or (units > 0.0) == (size > 0.0):
        return cash_after_open(cash, size, price, policy), after
    cash = cash + units * price - charge(-units, price, policy)
    return cash_after_open(cash, after, price, policy), after


def slipped(price: float, side: float, bound: float, policy: PolicyRow) -> float:
    """A price as it slips: up for a buy, down for a sale; inside the bar unless the broker lets it out."""
    if not FEATURES.slippage or policy.slippage == 0.0:
        return price
    if side > 0:
        worse = price * (1 + policy.slippage)
        return worse if is_let_out(policy) or worse <= bound else bound
    worse = price * (1 - policy.slippage)
    return worse if is_let_out(policy) or worse >= bound else bound


def is_let_out(policy: PolicyRow) -> bool:
    """True if slippage may leave the bar's range."""
    return policy.slip_out == 1 if FEATURES.slip_out == ANY else FEATURES.slip_out == 1


def value_at_close(step: int, cash: float, arrays: MarketArrays, positions: Records[Position]) -> float:
    """The account at a close; a long position is split into its cost and its gain, as backtrader does."""
    total = 0.0
    for symbol in range(count(positions)):
        units = positions[symbol].units
        if units != 0.0:
            close = arrays.close[step, symbol]
            market_value = units * close
            if market_value > 0.0:
                gained = units * (close - positions[symbol].entry)
                market_value -= gained
                total += market_value
                total += gained
            else:
                total += market_value
    return cash + total


def value_at_open(step: int, cash: float, arrays: MarketArrays, positions: Records[Position]) -> float:
    """The account as it is known at an open: symbols with a new bar at its open, the others at their last close."""
    total = 0.0
    for symbol in range(count(positions)):
        units = positions[symbol].units
        if units != 0.0:
            total += units * price_at_open(step, symbol, arrays)
    return cash + total


def value_at_marks(
    step: int, cash: float, is_at_close: bool, arrays: MarketArrays, positions: Records[Position]
) -> float:
    """The account when an order is about to fill: at the open, or with all symbols at their closes."""
    total = 0.0
    for symbol in range(count(positions)):
        units = positions[symbol].units
        if units != 0.0:
            total += units * mark_of(step, symbol, is_at_close, arrays)
    return cash + total


def mark_of(step: int, symbol: int, is_at_close: bool, arrays: MarketArrays) -> float:
    """The price of a symbol that is known when an order is about to fill."""
    return arrays.close[step, symbol] if is_at_close else price_at_open(step, symbol, arrays)


def price_at_open(step: int, symbol: int, arrays: MarketArrays) -> float:
    """The price known at an open."""
    return arrays.open[step, symbol] if is_fresh(arrays, step, symbol) else arrays.close[step, symbol]


def interest_on_cash(days: int, cash: float, positions: Records[Position], policy: PolicyRow) -> float:
    """Interest on the cash that lies idle, without the proceeds of shorts."""
    shorts = 0.0
    for symbol in range(count(positions)):
        if positions[symbol].units < 0.0:
            shorts += -positions[symbol].units * positions[symbol].entry
    return days * policy.cash_rate * idle_cash(cash, shorts)


def interest_on_shorts(
    step: int, arrays: MarketArrays, positions: Records[Position], policy: PolicyRow, log: Log
) -> float:
    """Interest that shorts with a new bar owe since their last; a fill that closes books it into its trade."""
    total = 0.0
    for symbol in range(count(positions)):
        position = positions[symbol]
        if position.units != 0.0:
            days = arrays.bar_days[step, symbol] if is_fresh(arrays, step, symbol) else 0
            if position.units < 0.0 and days > 0:
                owed = days * policy.short_rate * abs(position.units) * position.entry
                position.due += owed
                total += owed
                if FEATURES.record:
                    write_charge(log, step, symbol, owed)
    return total


def limits_of(policy: PolicyRow) -> LimitValues:
    """The account's limits on new risk."""
    return LimitValues(
        policy.gross if FEATURES.gross else math.inf,
        policy.net if FEATURES.net else math.inf,
        policy.short if FEATURES.short else math.inf,
        policy.positions if FEATURES.positions else math.inf,
        policy.open_risk if FEATURES.open_risk else math.inf,
        policy.min_order if FEATURES.min_order else 0.0,
    )


def lot_of(policy: PolicyRow) -> float:
    """Units in one lot."""
    return policy.lot if FEATURES.lot else 0.0


def is_stop_mode(policy: PolicyRow) -> bool:
    """True if ``base`` is a fraction of the account for the loss at the stop."""
    return policy.mode == STOP if FEATURES.mode == ANY else FEATURES.mode == STOP


def rule_size(side: int, confidence: float, value: float, close: float, stop: float, policy: PolicyRow) -> float:
    """Units that the rule of sizes gives a new position, before they are rounded to lots."""
    if is_stop_mode(policy):
        loss = risk_money(confidence, value, policy.base, 1.0)
        max_value = risk_money(1.0, value, policy.cap, policy.cap)
        return stop_units(loss, max_value, side, close, stop, 0.0, policy)
    return rule_units(confidence, value, close, policy.base, policy.cap, 0.0)


def size_in_lots(
    side: int, confidence: float, value: float, close: float, stop: float, weight: float, policy: PolicyRow
) -> float:
    """A part of the same in whole lots."""
    return lot_floor(rule_size(side, confidence, value, close, stop, policy) * weight, lot_of(policy))


def has_stop(policy: PolicyRow) -> bool:
    """True if positions have a stop."""
    return policy.stop > 0 if FEATURES.stop == ANY else FEATURES.stop > 0


def has_target(policy: PolicyRow) -> bool:
    """True if positions have a target."""
    return policy.target > 0 if FEATURES.target == ANY else FEATURES.target > 0


def trails(policy: PolicyRow) -> bool:
    """True if stops follow the close."""
    return policy.trails == 1 if FEATURES.trails == ANY else FEATURES.trails == 1


def stop_distance(step: int, symbol: int, close: float, arrays: MarketArrays, policy: PolicyRow) -> float:
    """The distance of the stop of a decision at this close; NaN for none."""
    if not has_stop(policy):
        return math.nan
    kind = policy.stop if FEATURES.stop == ANY else FEATURES.stop
    return (
        close * policy.stop_value
        if kind == PERCENT
        else policy.stop_value * arrays.true_ranges[policy.stop_range, step, symbol]
    )


def target_distance(step: int, symbol: int, close: float, arrays: MarketArrays, policy: PolicyRow) -> float:
    """The distance of the target of a decision at this close; NaN for none."""
    if not has_target(policy):
        return math.nan
    kind = policy.target if FEATURES.target == ANY else FEATURES.target
    if kind == PERCENT:
        return close * policy.target_value
    return policy.target_value * arrays.true_ranges[policy.target_range, step, symbol]
