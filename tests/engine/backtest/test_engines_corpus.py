"""A fixed corpus: twenty settings on real prices, no model; every table of the two engines is equal, bit for bit."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from core.types import Bars, SignalFrame
from engine.backtest import compiled
from engine.backtest.bt import engine as bt_engine
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import TIMES, first_difference
from marketdata.data_spec import DataSpec
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies.threshold import Threshold

STOCKS = {"kind": "stocks", "symbols": ["AAPL", "GOOG", "IBM", "MSFT"]}
MARKETS = {
    "index": ({"kind": "sample", "symbols": ["nasdaq"]}, "2000-01-03", "2002-12-31"),
    "indices": ({"kind": "sample", "symbols": ["sp500", "nasdaq"]}, "2007-01-03", "2009-12-31"),
    "stocks": (STOCKS, "2004-06-01", "2006-12-29"),  # GOOG was not listed before August 2004
    "gaps": ({"kind": "stocks", "symbols": ["FB", "AAPL", "IBM"]}, "2010-11-01", "2013-03-01"),  # FB: from May 2012
}


@cache
def market_of(name):
    source, start, end = MARKETS[name]
    symbols = source["symbols"]
    data = DataSpec.parse({"source": source, "start": start, "end": end, "benchmark": symbols[-1], "trade": symbols})
    market = data.load()
    return with_gaps(market) if name == "gaps" else market


def with_gaps(market):
    """One bar in twelve is missing, and the last symbol ends a quarter of a year early."""
    rng = np.random.default_rng(12)
    bars = {}
    for symbol, item in market.bars.items():
        rows = np.arange(len(item))
        is_present = (rng.random(len(item)) > 1 / 12) & (rows < len(item) - (63 if symbol == market.trade[-1] else 0))
        bars[symbol] = Bars.of(symbol, item.frame[is_present])
    return replace(market, bars=bars)


def noise(market, seed):
    """An opinion that is kept for some days and has nothing to do with prices; sometimes there is none."""
    rng = np.random.default_rng(seed)
    shape = (len(market.times), len(market.trade))
    steps = rng.normal(0.0, 0.01, shape)
    prediction = np.round(sum(np.roll(steps, lag, axis=0) for lag in range(4)), 4)
    prediction[rng.random(shape) < 0.1] = np.nan
    return prediction, np.where(np.isnan(prediction), np.nan, np.round(rng.uniform(0.3, 1.0, shape), 3))


def cross(market, slow):
    """The mean of the last closes of each symbol over that of four times as many, less 1."""
    prediction = np.full((len(market.times), len(market.trade)), np.nan)
    for column, symbol in enumerate(market.trade):
        close = market.bars[symbol].frame["close"]
        crossing = close.rolling(slow // 4).mean() / close.rolling(slow).mean() - 1.0
        prediction[market.times.get_indexer(crossing.index), column] = crossing
    return prediction, np.where(np.isnan(prediction), np.nan, 1.0)


def signals_of(market, source, begins=0):
    prediction, confidence = cross(market, -source) if source < 0 else noise(market, source)
    fold = np.where(np.arange(len(market.times)) < begins, -1, 0)
    return SignalFrame(market.times, market.trade, prediction, confidence, fold)


def percent(value):
    return {"kind": "percent", "value": value}


def atr(window, multiple, kind="atr"):
    return {"kind": kind, "window": window, "multiple": multiple}


TRAIL = {"kind": "trail_percent", "value": 0.04}
FREE = {"commission": 0.0, "slippage": 0.0, "short_interest": 0.0}
BY_UNIT = {"commission": 0.0, "commission_per_unit": 0.01, "commission_minimum": 1.0}
INTEREST = {"short_interest": 0.08, "cash_interest": 0.03}
CORPUS = {
    # name: market, seed of the signals (below 0: a cross of means), strategy, risk, broker
    "defaults": ("index", -40, {}, {}, {}),
    "no costs": ("index", 1, {}, {"base": 0.5, "cap": 0.5}, FREE),
    "all of it, rejected for the commission": ("index", 2, {"side": "long"}, {"base": 1.0, "cap": 1.0}, {}),
    "trailing": ("index", 3, {"entry": 0.01}, {"base": 0.3, "cap": 0.3, "stop": TRAIL}, {"slip_out": False}),
    "loss at the stop": ("index", 4, {}, {"mode": "stop", "stop": percent(0.02), "cap": 0.8}, INTEREST),
    "two, sized at the signal": ("indices", 5, {}, {"base": 0.4, "cap": 0.4, "cap_at": "signal"}, INTEREST),
    "two, kept at size": ("indices", 6, {}, {"base": 0.3, "cap": 0.4, "resize": {"band": 0.02}}, BY_UNIT),
    "two, bracket": (
        "indices",
        7,
        {},
        {"base": 0.4, "cap": 0.4, "stop": percent(0.02), "take_profit": percent(0.02)},
        {},
    ),
    "two, trailing by range, kept at size": (
        "indices",
        8,
        {"entry": 0.01, "exit": 0.005},
        {"base": 0.4, "cap": 0.5, "stop": atr(10, 2.0, "trail_atr"), "resize": {"band": 0.1}},
        {"slippage": 0.002, "slip_out": False},
    ),
    "two, drawdown": ("indices", 9, {}, {"base": 0.5, "cap": 0.5, "limits": {"drawdown": 0.03, "resume_after": 5}}, {}),
    "four, defaults": ("stocks", -60, {}, {}, {}),
    "four, more than the cash": ("stocks", 10, {}, {"base": 0.9, "cap": 0.9, "limits": {"short": 2.0}}, {"lot": 1.0}),
    "four, few at a time": ("stocks", 11, {}, {"base": 0.3, "cap": 0.3, "limits": {"positions": 2, "gross": 0.5}}, {}),
    "four, open risk": (
        "stocks",
        12,
        {},
        {"mode": "stop", "stop": atr(5, 1.5), "base": 0.01, "cap": 0.4, "limits": {"open_risk": 0.02}},
        {"lot": 1.0},
    ),
    "four, target alone": ("stocks", 13, {}, {"base": 0.2, "cap": 0.25, "take_profit": atr(5, 1.0)}, BY_UNIT),
    "four, daily loss": (
        "stocks",
        14,
        {},
        {"base": 0.3, "cap": 0.3, "limits": {"daily_loss": 0.01, "resume_after": 2, "net": 0.5}},
        INTEREST,
    ),
    "gaps, long": ("gaps", -20, {"side": "long"}, {"base": 0.3, "cap": 0.3}, INTEREST),
    "gaps, bracket": (
        "gaps",
        15,
        {},
        {"base": 0.4, "cap": 0.4, "stop": atr(3, 1.0), "take_profit": atr(3, 1.5)},
        {"lot": 0.5},
    ),
    "gaps, trailing, stopped, more than the cash": (
        "gaps",
        16,
        {},
        {"base": 0.8, "cap": 0.9, "stop": TRAIL, "limits": {"drawdown": 0.05, "resume_after": 3, "short": 3.0}},
        {},
    ),
    "gaps, everything": (
        "gaps",
        17,
        {"entry": 0.004, "exit": 0.002},
        {
            "mode": "stop",
            "stop": atr(4, 2.0, "trail_atr"),
            "take_profit": percent(0.05),
            "base": 0.03,
            "cap": 0.5,
            "resize": {"band": 0.05},
            "limits": {
                "gross": 1.2,
                "net": 0.8,
                "open_risk": 0.08,
                "daily_loss": 0.04,
                "drawdown": 0.1,
                "min_order": 50.0,
            },
        },
        {**BY_UNIT, **INTEREST, "lot": 0.1, "slippage": 0.001},
    ),
}


def task_of(name, begins=20):
    where, source, strategy, risk, broker = CORPUS[name]
    market = market_of(where)
    specs = (Threshold(**strategy), RiskSpec.parse(risk), BrokerSpec(**broker))
    return BacktestInput.of(market, signals_of(market, source, begins), *specs, "0123456789ab")


@pytest.mark.parametrize("name", CORPUS)
def test_the_engines_give_the_same_tables(name, general):
    require_equal(task_of(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two, bracket", "four, few at a time"])
def test_a_kernel_with_nothing_but_what_is_used_gives_them_too(name):
    require_equal(task_of(name))


def require_equal(task):
    """All tables of both engines are equal, and something was traded."""
    one, other = (engine.run_task(task, solvent=False) for engine in (bt_engine, compiled))
    assert first_difference(one, other) == ""
    for table in TIMES:
        assert getattr(one, table).equals(getattr(other, table))
    assert len(one.fills) >= 4
    assert one.notes == other.notes


@pytest.mark.parametrize("name", ["loss at the stop", "two, kept at size", "four, daily loss", "gaps, everything"])
def test_prices_that_come_later_change_nothing_before(name, general):
    task = task_of(name)
    full = compiled.run_task(task, solvent=False)
    for share in (0.2, 0.5, 0.51, 0.8, 0.99):
        last = task.timeline.times[int(share * len(task.timeline.times))]
        rows = task.signals.times <= last
        values = (task.signals.prediction[rows], task.signals.confidence[rows], task.signals.fold[rows])
        signals = SignalFrame(task.signals.times[rows], task.signals.symbols, *values)
        past = BacktestInput.of(task.market.until(last), signals, task.strategy, task.risk, task.broker, task.config_id)
        cut = compiled.run_task(past, solvent=False)
        for table in ("fills", "equity"):
            before = getattr(full, table)
            assert getattr(cut, table).equals(before[before["time"] <= last].reset_index(drop=True))
    assert len(cut.fills) > 0
