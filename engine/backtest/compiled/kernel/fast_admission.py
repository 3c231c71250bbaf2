"""Admission of orders that clearly fit, without the account's exact value. Compiled; plain Python.

The account's value is a sum over all symbols, in a fixed order; to work it out at every fill would take most of the
time of a run with many. Where no log is kept it matters only whether the rule cuts the order. So the value, and what is
held short, are summed once a step and updated from fill to fill, which rounds in another order; an order that fits
by a margin far above all rounding fits, and any other is held to the exact sum.
"""

import math

from engine.backtest.compiled.kernel_features import FEATURES
from risk.sizing import DUST

from .account import count, price_at_open
from .record_types import Order, PolicyRow
from .records import Execution, MarketArrays, Workspace

MARGIN = 1e-9
"""Of cash and positions together: a million times what their sums can be off by rounding."""


def clearly_fits(
    cash: float, order: Order, execution: Execution, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace
) -> bool:
    """True if an entry from flat is certain to be admitted in full."""
    if workspace.positions[order.symbol].units != 0.0 or order.loss_share < math.inf:
        return False
    side = 1 if order.units > 0.0 else -1
    if side * (execution.quoted - order.stop) <= 0.0 or side * (execution.quoted - order.target) >= 0.0:
        return False
    account = workspace.approx_account[0]
    if account.step != execution.step:
        sum_account(execution.step, cash, arrays, workspace)
    margin = MARGIN * (abs(cash) + account.gross)
    value = account.value - margin
    order_value = abs(order.units) * execution.price
    if not value > 0.0 or (policy.cap_at_fill and order_value > policy.cap * value):
        return False
    if side < 0 and account.short + order_value + margin > policy.short * value:
        return False
    min_value = policy.min_order if FEATURES.min_order else 0.0
    return order_value > (1.0 + MARGIN) * max(min_value, DUST * (value + 2.0 * margin))


def sum_account(step: int, cash: float, arrays: MarketArrays, workspace: Workspace) -> None:
    """Sum up the account at the open."""
    value = cash
    short, gross = 0.0, 0.0
    for symbol in range(count(workspace.positions)):
        units = workspace.positions[symbol].units
        if units != 0.0:
            market_value = units * price_at_open(step, symbol, arrays)
            value += market_value
            gross += abs(market_value)
            short += max(-market_value, 0.0)
    account = workspace.approx_account[0]
    account.step = step
    account.value = value
    account.short = short
    account.gross = gross


def add_fill(cash: float, before: float, after: float, price: float, workspace: Workspace) -> None:
    """Take in a fill: the change of the cash, the units held before and after, and the price at the open."""
    account = workspace.approx_account[0]
    account.value += cash + (after - before) * price
    account.short += max(-after * price, 0.0) - max(-before * price, 0.0)
    account.gross += abs(after - before) * price


def is_approximate() -> bool:
    """True if orders are admitted like this: no log is kept, there are many symbols, and no limit needs more sums."""
    if FEATURES.record or FEATURES.symbols == 1:
        return False
    return not (FEATURES.gross or FEATURES.net or FEATURES.positions or FEATURES.open_risk)
