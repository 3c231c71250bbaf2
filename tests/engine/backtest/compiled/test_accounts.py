"""The compiled engine's tables against an account kept by plain arithmetic from the bars and the fills alone."""

from collections import defaultdict
from math import isclose

import numpy as np
import pytest
from hypothesis import given, settings
from random_cases import case as random_case
from small_markets import cases

from engine.backtest import compiled
from engine.backtest.engine_output import BacktestInput

EXACT = 1e-12
PRICES = {"market": "open", "close": "close"}
"""By kind of order, the price of its bar at which it fills, but for slippage."""


class Ledger:
    """Cash, units and costs, step by step; all bars of a time are one step, as in markets with one time of close.

    Attributes
    ----------
    rows : (time, cash, equity, units by symbol) at each close.
    openings : (fill, account before it) of each fill that opens or adds, at the open or at the close of its bar.
    costs : by kind, summed.
    """

    def __init__(self, market, signals, broker, result):
        self.market = market
        self.broker = broker
        self.cash = broker.cash
        self.units = defaultdict(float)
        self.entry = defaultdict(float)
        self.costs = defaultdict(float)
        self.rows = []
        self.openings = []
        bars = market.since(signals.start).bars
        self.times = {symbol: bars[symbol].times for symbol in signals.symbols}
        fills = dict(iter(result.fills.groupby("time", sort=False)))
        before = None
        for time in sorted(set().union(*self.times.values())):
            self.interest(time, before)
            for fill in fills[time].itertuples() if time in fills else ():
                self.fill(fill)
            worth = sum(units * self.price_at(symbol, time, "close") for symbol, units in self.units.items() if units)
            self.rows.append((time, self.cash, self.cash + worth, dict(self.units)))
            before = time

    def price_at(self, symbol, time, price):
        """The price of the bar of a time, or the last close before."""
        bars = self.market.bars[symbol]
        row = bars.times.searchsorted(time, side="right") - 1
        return (getattr(bars, price) if bars.times[row] == time else bars.close)[row]

    def interest(self, time, before):
        if before is not None:
            proceeds = sum(-units * self.entry[symbol] for symbol, units in self.units.items() if units < 0)
            days = (time.normalize() - before.normalize()).days
            self.pay("cash_interest", -days * self.broker.cash_interest / 365 * max(self.cash - proceeds, 0.0))
        for symbol, times in self.times.items():
            row = times.searchsorted(time)
            if row > 0 and row < len(times) and times[row] == time and self.units[symbol] < 0:
                days = (time.normalize() - times[row - 1].normalize()).days
                value = -self.units[symbol] * self.entry[symbol]
                self.pay("short_interest", days * self.broker.short_interest / 365 * value)

    def pay(self, kind, amount):
        self.cash -= amount
        self.costs[kind] += amount

    def fill(self, fill):
        symbol = fill.symbol
        held = self.units[fill.symbol]
        size = fill.size
        assert fill.position_after == held + size
        closing = 0.0 if held * size >= 0 else float(np.sign(size) * min(abs(size), abs(held)))
        if fill.kind in PRICES and abs(size) > abs(closing) * (1 + EXACT):
            price = PRICES[fill.kind]
            values = [units * self.price_at(other, fill.time, price) for other, units in self.units.items() if units]
            self.openings.append((fill, self.cash + sum(values)))
        self.cash -= size * fill.price
        self.pay("commission", self.commission(closing, fill.price) + self.commission(size - closing, fill.price))
        if held * size >= 0:
            self.entry[symbol] = (self.entry[symbol] * held + fill.price * size) / (held + size)
        elif abs(size) > abs(held):
            self.entry[symbol] = fill.price
        self.units[symbol] = fill.position_after

    def commission(self, units, price):
        terms = self.broker
        fee = abs(units) * (price * terms.commission + terms.commission_per_unit)
        return max(fee, terms.commission_minimum) if abs(units) > 0 else 0.0


def run_alone(market, signals, strategy, risk, broker):
    """The result of the compiled engine, and the ledger of its fills."""
    task = BacktestInput.of(market, signals, strategy, risk, broker, "0123456789ab")
    with np.errstate(all="ignore"):  # after an account of exactly 0 there is no return
        result = compiled.run_task(task, solvent=False)
    return result, Ledger(market, signals, broker, result)


def require_sound(market, signals, strategy, risk, broker):
    """Hold the tables of a run to everything that must be true of them; the number of fills."""
    result, ledger = run_alone(market, signals, strategy, risk, broker)
    scale = 1e-9 * max(broker.cash, result.equity["equity"].abs().max(), result.equity["cash"].abs().max())
    require_same_account(result, ledger, scale)
    require_same_costs(result, ledger, scale)
    require_gains_of_trades(result, ledger, scale)
    require_possible_prices(market, broker, result)
    order = strategy.entry_order
    require_later_than_decided(market, result, order.bars if order else 1)
    if risk.cap_at == "fill":
        require_within_cap(risk, broker, ledger)
    return len(result.fills)


def require_same_account(result, ledger, scale):
    """Cash and units follow from the fills; equity is cash and units at the last known closes."""
    times, cash, equity, units = zip(*ledger.rows, strict=True)
    assert list(result.equity["time"]) == list(times)
    assert result.equity["cash"].to_numpy() == pytest.approx(np.array(cash), rel=1e-9, abs=scale)
    assert result.equity["equity"].to_numpy() == pytest.approx(np.array(equity), rel=1e-9, abs=scale)
    for symbol in result.positions:
        assert list(result.positions[symbol]) == [held.get(symbol, 0.0) for held in units]


def require_same_costs(result, ledger, scale):
    """The sums of the table of costs were taken off the cash, but for slippage, which is in the prices."""
    paid = result.costs.groupby("kind")["amount"].sum()
    for kind in ("commission", "short_interest", "cash_interest"):
        assert isclose(paid.get(kind, 0.0), ledger.costs[kind], rel_tol=1e-9, abs_tol=scale)
    assert isclose(result.fills["commission"].sum(), ledger.costs["commission"], rel_tol=1e-9, abs_tol=scale)


def require_gains_of_trades(result, ledger, scale):
    """The trades, open ones included, and the interest on cash are all that the account gained."""
    gained = result.equity["equity"].iloc[-1] - result.cash
    assert isclose(result.trades["pnl"].sum() - ledger.costs["cash_interest"], gained, rel_tol=1e-9, abs_tol=10 * scale)


def require_possible_prices(market, broker, result):
    """No fill outside its bar but by slippage that was let out; a market order's is the open with it, or the close."""
    away = broker.slippage if broker.slip_out else 0.0
    for fill in result.fills.itertuples():
        bars = market.bars[fill.symbol]
        if fill.time not in bars.times:
            require_delisted(market, broker, fill)
            continue
        row = bars.times.get_loc(fill.time)
        assert bars.low[row] * (1 - away) <= fill.price <= bars.high[row] * (1 + away)
        if fill.kind in PRICES:
            worse = getattr(bars, PRICES[fill.kind])[row] * (1 + np.sign(fill.size) * broker.slippage)
            bound = worse if broker.slip_out else np.clip(worse, bars.low[row], bars.high[row])
            assert fill.price == bound


def require_delisted(market, broker, fill):
    """A fill beside the bars closes a position in a symbol that has ended, at its last close changed by the return."""
    bars = market.bars[fill.symbol]
    assert broker.delisting != "hold"
    assert fill.position_after == 0.0
    assert bars.times[-1] < fill.time
    change = 0.0 if broker.delisting == "close_at_last" else getattr(broker.delisting, "return")
    assert fill.price == bars.close[-1] * (1 + change)


def require_later_than_decided(market, result, life):
    """An order at the open or the close fills at its symbol's first bar after the decision.

    A protective one fills after its entry's bar, an entry at a limit or a stop within its ``life`` in bars.
    """
    orders = result.orders.set_index("order_id")
    filled = result.fills.set_index("order_id")["time"]
    for fill in result.fills.itertuples():
        times = market.bars[fill.symbol].times
        if fill.time > times[-1]:
            continue  # the symbol has ended: see require_delisted
        order = orders.loc[fill.order_id]
        waited = times.get_loc(fill.time) - times.searchsorted(order["created_at"], side="right")
        if fill.kind in PRICES:
            assert waited == 0
        elif order["decision"]:
            assert 0 <= waited < life
        else:  # of a bracket: the entry, the stop, the target
            number = fill.order_id - 1
            entry = number if orders.loc[number, "decision"] else number - 1
            assert orders.loc[entry, "created_at"] == order["created_at"]
            assert fill.time > filled[entry] > order["created_at"]


def require_within_cap(risk, broker, ledger):
    """After every fill that opens or adds, the position is within the cap of the account before it; in whole lots."""
    for fill, account in ledger.openings:
        assert abs(fill.position_after) * fill.price <= risk.cap * account * (1 + 1e-9)
        if broker.lot:
            lots = fill.position_after / broker.lot
            assert lots == pytest.approx(round(lots), abs=1e-6)


@pytest.mark.slow
def test_the_account_of_drawn_markets_adds_up(general):
    fills = []

    @settings(max_examples=200)
    @given(cases(daily=True))
    def adds_up(case):
        fills.append(require_sound(case.market, case.signals, case.strategy, case.risk, case.broker))

    adds_up()
    assert sum(fills) > 400


@pytest.mark.slow
@pytest.mark.parametrize("tight", [True, False])
def test_the_account_of_random_markets_adds_up(general, tight):
    fills = [require_sound(*random_case(seed, rules=("threshold",), tight=tight)) for seed in range(400, 450)]
    assert sum(fills) > 500
