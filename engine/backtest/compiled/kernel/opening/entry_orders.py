"""Entries that wait: limits and stops for their price, others for the next close. Compiled; plain Python.

A symbol has one at most. It is sent with the market orders and checked against the cash with them; then it waits in
``Workspace.waiting_entries`` until a bar reaches its price, its bars are over, or the strategy takes it back.
"""

from engine.backtest.compiled.codes import ATR, CANCELLED, ENTRY_HIT, EXPIRED, REJECTED, REJECTIONS
from engine.backtest.compiled.kernel.account import count, is_fresh, slipped, value_at_marks
from engine.backtest.compiled.kernel.cash_check import children
from engine.backtest.compiled.kernel.log_writer import close_order, explain
from engine.backtest.compiled.kernel.matching import admitted_size, cancel_entry, fill_open
from engine.backtest.compiled.kernel.record_types import EntryTerms, Order, PolicyRow, Position
from engine.backtest.compiled.kernel.records import Execution, Log, MarketArrays, Reason, Workspace
from engine.backtest.compiled.kernel_features import FEATURES
from strategies._entry_order import LIMIT, MARKET, NEXT_CLOSE, entry_price


def price_of_entry(step: int, symbol: int, side: int, close: float, arrays: MarketArrays, p: EntryTerms) -> float:
    """The price at which an entry of a decision at this close is expected; NaN while it has none."""
    if not FEATURES.entry_orders or p.entry_kind == MARKET:
        return close
    if p.entry_offset == ATR:
        distance = p.entry_value * arrays.true_ranges[p.entry_range, step, symbol]
    else:
        distance = close * p.entry_value
    return entry_price(p.entry_kind, side, close, distance)


def is_waiting(symbol: int, workspace: Workspace) -> bool:
    """True if an entry of a symbol waits."""
    return workspace.waiting_entries[symbol].trigger != MARKET if FEATURES.entry_orders else False


def waits_for_price(symbol: int, workspace: Workspace) -> bool:
    """True if an entry of a symbol waits for a price of its own."""
    return is_waiting(symbol, workspace) and workspace.waiting_entries[symbol].trigger != NEXT_CLOSE


def waits_on(symbol: int, side: int, workspace: Workspace) -> bool:
    """True if an entry on this side of a symbol waits."""
    return is_waiting(symbol, workspace) and side * workspace.waiting_entries[symbol].units > 0.0


def set_waiting(waiting: int, workspace: Workspace) -> int:
    """Let the accepted entries that do not fill at the open wait apart; the number of market orders that still wait."""
    left = 0
    for index in range(waiting):
        order = workspace.orders[index]
        if order.trigger != MARKET:
            workspace.waiting_entries[order.symbol] = workspace.orders[index]
        else:
            if left != index:
                workspace.orders[left] = workspace.orders[index]
            left += 1
    return left


def age(symbol: int, workspace: Workspace, log: Log) -> None:
    """Count a new bar for the entry that waits; after its last bar it is cancelled."""
    order = workspace.waiting_entries[symbol]
    if order.trigger != MARKET:
        order.bars -= 1
        if order.bars <= 0:
            if FEATURES.record:
                explain(log, order.id, Reason(code=EXPIRED, room=0.0, requested=0.0, at=0.0, quoted=0.0))
            take_back(symbol, workspace, log)


def take_back(symbol: int, workspace: Workspace, log: Log) -> None:
    """Cancel the entry that waits, if there is one."""
    order = workspace.waiting_entries[symbol]
    if order.trigger != MARKET:
        order.trigger = MARKET
        if FEATURES.record:
            for order_id in range(order.id, order.id + 1 + children(order)):
                close_order(log, order_id, CANCELLED)


def find_entry_hit(
    step: int, symbol: int, position: Position, order: Order, arrays: MarketArrays, policy: PolicyRow
) -> None:
    """Find out if the bar reaches the price of an entry, and at which price it then fills."""
    position.hit = 0
    side = 1 if order.units > 0.0 else -1
    opened = arrays.open[step, symbol]
    high = arrays.high[step, symbol]
    low = arrays.low[step, symbol]
    price = order.price
    if order.trigger == LIMIT:
        best = low if side > 0 else high
        if side * (price - opened) >= 0.0:
            bound = min(high, price) if side > 0 else max(low, price)
            worse = slipped(opened, side, bound, policy)
            position.hit = ENTRY_HIT
            position.quoted = opened
            position.price = min(worse, price) if side > 0 else max(worse, price)
        elif side * (price - best) >= 0.0:
            position.hit = ENTRY_HIT
            position.quoted = position.price = price
        return
    worst = high if side > 0 else low
    if side * (opened - price) >= 0.0:
        position.hit = ENTRY_HIT
        position.quoted = opened
    elif side * (worst - price) >= 0.0:
        position.hit = ENTRY_HIT
        position.quoted = price
    if position.hit:
        position.price = slipped(position.quoted, side, worst, policy)


def fill_waiting(
    step: int, cash: float, symbol: int, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace, log: Log
) -> float:
    """Fill the entry of which the bar has the price, or reject it; the cash."""
    order = workspace.waiting_entries[symbol]
    position = workspace.positions[symbol]
    value = value_at_marks(step, cash, order.trigger == NEXT_CLOSE, arrays, workspace.positions)
    execution = Execution(step, order.units, position.quoted, position.price, value)
    size = admitted_size(order, execution, arrays, policy, workspace, log)
    order.trigger = MARKET
    if size == 0.0:
        workspace.counters[REJECTIONS] += 1.0
        cancel_entry(order, REJECTED, log)
        return cash
    execution = Execution(step, size, position.quoted, position.price, value)
    if FEATURES.view:
        workspace.seen[symbol].is_filled_in_bar = 1
    return fill_open(cash, order, execution, policy, workspace, log)


def fill_at_close(
    step: int, cash: float, arrays: MarketArrays, policy: PolicyRow, workspace: Workspace, log: Log
) -> float:
    """Fill the entries at this close, first sent first filled; the cash."""
    entries = 0
    symbols = workspace.hit_symbols
    for symbol in range(count(workspace.positions)):
        order = workspace.waiting_entries[symbol]
        if order.trigger == NEXT_CLOSE and is_fresh(arrays, step, symbol):
            index = entries
            while index > 0 and workspace.waiting_entries[symbols[index - 1]].sent > order.sent:
                symbols[index] = symbols[index - 1]
                index -= 1
            symbols[index] = symbol
            entries += 1
    for index in range(entries):
        symbol = symbols[index]
        position = workspace.positions[symbol]
        units = workspace.waiting_entries[symbol].units
        bound = arrays.high[step, symbol] if units > 0.0 else arrays.low[step, symbol]
        position.quoted = arrays.close[step, symbol]
        position.price = slipped(position.quoted, units, bound, policy)
        cash = fill_waiting(step, cash, symbol, arrays, policy, workspace, log)
    return cash
