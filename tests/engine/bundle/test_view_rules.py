"""A bundle asks rules of a view as the engines do: with prices, the position, features and numbers of their own."""

import math
from dataclasses import replace

import numpy as np
import pytest
from view_rules import AgainstTheMean, Everything

from core.errors import ConfigError
from engine.bundle.build import build
from engine.bundle.bundle import Bundle
from engine.pipeline import compute
from engine.run_folder import result_files
from engine.sweep.load_config import load_mapping
from strategies._held import Held

SYMBOLS = ("A", "B")


@pytest.fixture
def config_of(files):
    def make(strategy, symbols=("A",)):
        values = {
            "data": {
                "source": {"kind": "csv", "files": {symbol: files[symbol] for symbol in symbols}},
                "session_close": "16:00 America/New_York",
            },
            "features": [{"kind": "momentum", "horizons": [10]}, {"kind": "lagged_return"}],
            "model": {"kind": "ridge"},
            "walk_forward": {"train": 200, "test": 205},
            "strategy": {"kind": "threshold"},
            "broker": {"commission": 0.0, "slippage": 0.0},
            "measures": {"intervals": {"reps": 0}, "exam": {"methods": []}},
            "workers": 1,
        }
        config = load_mapping(values)
        return config.model_copy(update={"strategy": strategy.model_copy(update=RENAMED)})

    return make


RENAMED = {"features": {"momentum": "momentum_10"}}


class Account:
    """What is held, from the fills of a backtest, bar by bar."""

    def __init__(self, result, market):
        self.fills = result.fills
        self.market = market
        self.held = dict.fromkeys(market.trade, 0)
        self.highest = dict.fromkeys(market.trade, math.nan)
        self.lowest = dict.fromkeys(market.trade, math.nan)
        self.before = dict.fromkeys(market.trade, 0)

    def at(self, symbol, time, state):
        fills = self.fills[(self.fills["symbol"] == symbol) & (self.fills["time"] <= time)]
        units = fills["position_after"].iloc[-1] if len(fills) else 0.0
        side = int(np.sign(units))
        bars = self.market.bars[symbol].between(time, time)
        if side == 0:
            self.held[symbol], self.before[symbol] = 0, 0
            return Held(state=state)
        is_new = side != self.before[symbol]
        self.before[symbol] = side
        self.held[symbol] = 1 if is_new else self.held[symbol] + 1
        high, low = float(bars.high[0]), float(bars.low[0])
        self.highest[symbol] = high if is_new else max(self.highest[symbol], high)
        self.lowest[symbol] = low if is_new else min(self.lowest[symbol], low)
        entry = average_price(fills)
        best, worst = self.highest[symbol], self.lowest[symbol]
        if side < 0:
            best, worst = worst, best
        returns = (side * (price - entry) / entry for price in (best, worst))
        return Held(side, self.held[symbol], entry, *returns, state=state)


def average_price(fills):
    """The average price of what is held after some fills."""
    units, price = 0.0, math.nan
    for amount, at, after in zip(fills["size"], fills["price"], fills["position_after"], strict=True):
        if units * amount >= 0.0:
            price = at if units == 0.0 else (units * price + amount * at) / (units + amount)
        elif units * after < 0.0:
            price = at
        units = after
    return price


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "symbols"), [(Everything(part=0.75), ("A",)), (Everything(), SYMBOLS), (AgainstTheMean(), SYMBOLS)]
)
def test_every_decision_is_the_backtests(config_of, strategy, symbols, tmp_path):
    config = config_of(strategy, symbols)
    market = config.data.load()
    result = run_with(config)
    signals = result.signals.set_index(["time", "symbol"])
    first = signals.index.get_level_values("time").min()
    built = build(config, market, cut=first.isoformat())
    bundle = Bundle(built.contents, built.rules, built.parts, tmp_path)
    account = Account(result, market)
    orders = result.orders[result.orders["kind"] == "market"].set_index(["created_at", "symbol"]).sort_index()
    equity = result.equity.set_index("time")["equity"]
    states = {symbol: {} for symbol in symbols}
    entered = left = 0
    for time in market.times[market.times >= first][:205]:
        holding = {symbol: account.at(symbol, time, states[symbol]) for symbol in symbols}
        worth = equity.get(time, config.broker.cash)
        for row in bundle.decide(market.until(time), account=worth, holding=holding).rows:
            states[row.symbol] = row.state
            side = holding[row.symbol].side
            key = (time, row.symbol)
            sent = orders.loc[[key]] if key in orders.index else None
            if row.side not in (0, side):
                assert sent["asked"].iloc[-1] == pytest.approx(row.units, rel=1e-12)
                assert sent["decision"].iloc[-1] == row.reason
                entered += 1
            elif row.side == 0 != side:
                assert sent["decision"].iloc[-1] == row.reason
                left += 1
            elif side == 0:
                assert sent is None
    assert entered > 3
    assert left > 3


def run_with(config):
    """The run of a config whose strategy is no plug-in of the project."""
    outcome = compute(config)
    return replace(outcome.result, signals=result_files.signals(outcome.signals.frame, outcome.market))


def test_filters_and_re_entry_hold_back_entries(rule_config):
    market = rule_config.data.load()
    plain = build(rule_config, market)
    bundle = Bundle(plain.contents, plain.rules, plain.parts, None)
    sides = {row.symbol: row.side for row in bundle.decide(market).rows}
    assert any(sides.values())
    barred = type(rule_config.strategy).parse({"only_if": [{"feature": "close", "op": "<", "value": 0.0}]})
    built = build(rule_config.model_copy(update={"strategy": barred}), market)
    assert not any(row.side for row in Bundle(built.contents, built.rules, built.parts, None).decide(market).rows)
    waiting = type(rule_config.strategy).parse({"reenter": {"after": 3}})
    built = build(rule_config.model_copy(update={"strategy": waiting}), market)
    holding = {symbol: Held(bars_to_wait=1) for symbol in sides}
    kept = Bundle(built.contents, built.rules, built.parts, None)
    assert not any(row.side for row in kept.decide(market, holding=holding).rows)
    assert {row.symbol: row.side for row in kept.decide(market).rows} == sides


def test_an_entry_order_has_its_price(rule_config):
    market = rule_config.data.load()
    order = {"kind": "limit", "offset": {"kind": "percent", "value": 0.01}, "bars": 2}
    config = rule_config.model_copy(update={"strategy": type(rule_config.strategy).parse({"entry_order": order})})
    built = build(config, market)
    rows = [row for row in Bundle(built.contents, built.rules, built.parts, None).decide(market).rows if row.side]
    assert rows
    for row in rows:
        assert row.entry == pytest.approx(row.close * (1 - 0.01 * row.side))
        assert row.value == pytest.approx(abs(row.units) * row.entry)


def test_an_entry_at_the_next_close_has_no_price_and_the_size_of_the_last_close(rule_config):
    market = rule_config.data.load()
    rows = {}
    for order in (None, {"kind": "close"}):
        strategy = type(rule_config.strategy).parse({"entry_order": order})
        built = build(rule_config.model_copy(update={"strategy": strategy}), market)
        rows[order is None] = Bundle(built.contents, built.rules, built.parts, None).decide(market).rows
    assert any(row.side for row in rows[False])
    for at_close, at_open in zip(rows[False], rows[True], strict=True):
        assert math.isnan(at_close.entry)
        assert (at_close.units, at_close.value) == (at_open.units, at_open.value)


def test_a_state_of_another_rule_is_refused(config_of, tmp_path):
    config = config_of(Everything())
    market = config.data.load()
    built = build(config, market)
    bundle = Bundle(built.contents, built.rules, built.parts, tmp_path)
    with pytest.raises(ConfigError, match="A: the state of view_rules has bars, level, was_up; given speed"):
        bundle.decide(market, holding={"A": Held(state={"speed": 1.0})})
