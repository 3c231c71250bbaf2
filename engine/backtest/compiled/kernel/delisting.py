"""Positions in symbols that have ended. Compiled; plain Python."""

from engine.backtest.compiled.codes import CANCELLED, DELISTED, ENTRY, MARKET_ORDER
from engine.backtest.compiled.kernel_features import FEATURES
from strategies._entry_order import MARKET

from .account import count, value_at_open
from .cash_check import children
from .log_writer import close_order, explain, only_code, write_order
from .matching import fill_close
from .opening.entry_orders import is_waiting
from .record_types import PolicyRow
from .records import Execution, Log, MarketArrays, Workspace


def close_ended(
    step: int, cash: float, waiting: int, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace, log: Log
) -> tuple[float, int]:
    """Close the positions of symbols that are taken as ended at this step, and take back the orders for them.

    Returns
    -------
    The cash, and the number of orders that still wait.
    """
    for symbol in range(count(workspace.positions)):
        position = workspace.positions[symbol]
        if arrays.end_step[symbol] != step or position.units == 0.0 or not policy.delists:
            continue
        price = arrays.close[step, symbol] * (1.0 + policy.delisting_return)
        value = 0.0
        order_id = -1
        if FEATURES.record:
            value = value_at_open(step, cash, arrays, workspace.positions)
            order_id = write_order(log, MARKET_ORDER, symbol, step, -position.units)
            explain(log, order_id, only_code(DELISTED))
            log.orders[order_id].halt = DELISTED
            if position.bracket:
                cancel_ended(position.stop_id, log)
                cancel_ended(position.target_id, log)
        position.bracket = 0
        execution = Execution(step, -position.units, price, price, value)
        cash = fill_close(cash, symbol, order_id, execution, policy, workspace, log)
        waiting = withdraw_ended(symbol, waiting, workspace, log)
        if FEATURES.entry_orders and is_waiting(symbol, workspace):
            order = workspace.waiting_entries[symbol]
            order.trigger = MARKET
            if FEATURES.record:
                for waiting_id in range(order.id, order.id + 1 + children(order)):
                    cancel_ended(waiting_id, log)
    return cash, waiting


def withdraw_ended(symbol: int, waiting: int, workspace: Workspace, log: Log) -> int:
    """Take back the orders that wait for a bar of a symbol; the number of those that still wait."""
    orders = workspace.orders
    left = 0
    for index in range(waiting):
        order = orders[index]
        if order.symbol == symbol:
            if FEATURES.record:
                for order_id in range(order.id, order.id + 1 + (children(order) if order.kind == ENTRY else 0)):
                    cancel_ended(order_id, log)
        else:
            if left != index:
                orders[left] = orders[index]
            left += 1
    return left


def cancel_ended(order_id: int, log: Log) -> None:
    """Log an order that is taken back because its symbol has ended."""
    if order_id >= 0:
        explain(log, order_id, only_code(DELISTED))
        close_order(log, order_id, CANCELLED)
