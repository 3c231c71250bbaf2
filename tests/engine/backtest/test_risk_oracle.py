"""Whole backtests against the independent account of risk_oracle.py, on random markets and settings.

What the account leaves to its own memory is held to properties below, worked out from the tables and the bars alone.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_cases import STOPS, TARGETS, random_bars
from risk_oracle import Account

from core.types import Market, SignalFrame
from engine.backtest.bt.engine import run
from risk.costs import BrokerSpec
from risk.delisting import DelistingReturn
from risk.spec import RiskSpec
from strategies.threshold import Threshold

EXACT = 1e-12


@st.composite
def cases(draw, **fixed):
    """Market, signals, strategy, risk and broker; the sum of three positions stays below the account."""
    days = draw(st.integers(10, 30))
    count = draw(st.integers(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    times = pd.bdate_range("2024-01-02", periods=days, tz="UTC") + pd.Timedelta("21h")
    bars = {f"s{n}": random_bars(f"s{n}", times, generator, gaps=n > 0) for n in range(count)}
    market = Market(bars, tuple(bars), "s0", "UTC")
    prediction = np.round(generator.normal(0.0, 0.01, (days, count)), 3)
    prediction[generator.random((days, count)) < 0.2] = np.nan
    confidence = np.where(np.isnan(prediction), np.nan, generator.uniform(0.2, 1.0, (days, count)))
    first = draw(st.sampled_from([0, 3]))
    signals = SignalFrame(times, tuple(bars), prediction, confidence, np.where(np.arange(days) < first, -1, 0))
    entry = draw(st.sampled_from([0.0, 0.005]))
    side = draw(st.sampled_from(["both", "long", "short"]))
    spec = Threshold(entry=entry, exit=draw(st.sampled_from([0.0, entry])), side=side)
    risk = draw(risks(**fixed))
    return market, signals, spec, risk, draw(brokers())


@st.composite
def risks(draw, **fixed):
    mode = draw(st.sampled_from(["notional", "stop"]))
    stop = draw(st.sampled_from(STOPS if mode == "stop" else (None, *STOPS)))
    # Limits that no sum of caps meets: of two that leave the same, rounding would choose which is named.
    limits = {
        "gross": [None, 0.32, 0.57],
        "net": [None, 0.11, 0.28],
        "short": [None, 0.12, 0.29],
        "positions": [None, 1, 2],
        "open_risk": [None, 0.05] if stop else [None],
        "daily_loss": [None, 0.005, 0.01],
        "drawdown": [None, 0.01, 0.03],
        "resume_after": [1, 2, 5],
        "min_order": [0.0, 200.0, 800.0],
    }
    choices = {
        "base": [0.002, 0.01, 0.05] if mode == "stop" else [0.02, 0.2, 0.5],
        "cap": [0.05, 0.25],
        "cap_at": ["fill", "signal"],
        "take_profit": [None, *TARGETS],
        "resize": [None, {"band": 0.02}, {"band": 0.3}],
    }
    drawn = {name: draw(st.sampled_from(values)) for name, values in choices.items()}
    held = {name: draw(st.sampled_from(values)) for name, values in limits.items()}
    return RiskSpec.parse({"mode": mode, "stop": stop, **drawn, "limits": held, **fixed})


@st.composite
def brokers(draw):
    return BrokerSpec(
        commission=draw(st.sampled_from([0.0, 0.002])),
        commission_per_unit=draw(st.sampled_from([0.0, 0.01])),
        commission_minimum=draw(st.sampled_from([0.0, 0.5, 3.0])),
        slippage=draw(st.sampled_from([0.0, 0.002])),
        lot=draw(st.sampled_from([0.0, 0.01, 1.0])),
        short_interest=draw(st.sampled_from([0.0, 0.05])),
        cash_interest=draw(st.sampled_from([0.0, 0.04])),
        delisting=draw(st.sampled_from(["hold", "close_at_last", DelistingReturn(**{"return": -0.3})])),
    )


def backtest(market, signals, spec, risk, broker):
    return run(market, signals, spec, risk, broker, "0123456789ab")


# --- the independent account


@settings(max_examples=150, deadline=None, derandomize=True)  # whole runs: the same ones everywhere
@given(cases())
def test_a_run_is_what_the_words_of_the_rule_say(case):
    oracle = Account(*case)
    result = backtest(*case)
    compare_fills(result, oracle)
    compare_orders(result, oracle)
    compare_trades(result, oracle)
    assert result.equity[["equity", "cash"]].to_numpy() == near(np.array(oracle.path))
    paid = result.costs.groupby("kind")["amount"].sum().to_dict()
    assert {kind: paid.get(kind, 0.0) for kind in oracle.costs} == near(oracle.costs)


def near(values):
    return pytest.approx(values, rel=1e-9, abs=1e-8)


def compare_fills(result, oracle):
    rows_of_table = list(result.fills.drop(columns=["order_id", "position_after"]).itertuples(index=False, name=None))
    assert [fill[:3] for fill in rows_of_table] == [fill[:3] for fill in oracle.fills]
    assert [number for fill in rows_of_table for number in fill[3:]] == near(
        [n for fill in oracle.fills for n in fill[3:]]
    )


def compare_orders(result, oracle):
    rows_of_table = result.orders[result.orders["kind"] == "market"]
    reasons = [reason.partition(":")[0] for reason in rows_of_table["reason"]]
    words = zip(rows_of_table["symbol"], rows_of_table["status"], reasons, strict=True)
    assert list(words) == [(order.symbol, order.status, order.reason) for order in oracle.orders]
    sizes = [(order.requested, order.trimmed, order.filled) for order in oracle.orders]
    assert rows_of_table[["asked", "trimmed", "filled"]].to_numpy() == near(np.array(sizes).reshape(-1, 3))
    for time, order in zip(rows_of_table["created_at"], oracle.orders, strict=True):
        assert time == order.time


def compare_trades(result, oracle):
    table = result.trades
    ended = [None if pd.isna(time) else time for time in table["exited_at"]]
    rows = list(zip(table["symbol"], table["entered_at"], ended, table["exit_reason"], strict=True))
    assert rows == [(trade.symbol, trade.entered, trade.exited, trade.reason) for trade in oracle.trades]
    assert list(table["pnl"]) == near([trade.pnl for trade in oracle.trades])


# --- properties of the tables alone


def replay(market, result):
    """Each fill with what was known before it: the account, and the value of what is held by symbol.

    The cash before a bar's fills is that of its close with the fills undone, so that no interest is to be worked out.
    """
    held = {}
    cash = dict(zip(result.equity["time"], result.equity["cash"], strict=True))
    for time, fills in result.fills.groupby("time"):
        money = cash[time] + (fills["size"] * fills["price"] + fills["commission"]).sum()
        for fill in fills.itertuples():
            values = {symbol: units * mark(market.bars[symbol], time) for symbol, units in held.items() if units}
            yield fill, money + sum(values.values()), values
            money -= fill.size * fill.price + fill.commission
            held[fill.symbol] = fill.position_after


def mark(bars, time):
    row = bars.times.searchsorted(time, side="right") - 1
    return bars.open[row] if bars.times[row] == time else bars.close[row]


def openings(market, result):
    return [row for row in replay(market, result) if row[0].size * row[0].position_after > 0]


@settings(max_examples=60, deadline=None)
@given(cases(cap_at="fill"))
def test_the_cap_holds_to_the_last_digit_at_every_fill_that_opens(case):
    market, *_, risk, broker = case
    for fill, account, _ in openings(market, backtest(*case)):
        assert abs(fill.position_after) * fill.price <= risk.cap * account * (1 + EXACT)
        assert broker.lot == 0.0 or fill.size / broker.lot == pytest.approx(round(fill.size / broker.lot), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_limit_is_passed_by_a_fill_that_opens(case):
    market, _, _, risk, _ = case
    limits = risk.limits
    for fill, account, values in openings(market, backtest(*case)):
        added = fill.size * fill.price
        side = np.sign(fill.size)
        slack = 1 + EXACT
        everything = [*values.values(), added]
        assert limits.gross is None or sum(map(abs, everything)) <= limits.gross * account * slack
        assert limits.net is None or side * sum(everything) <= limits.net * account * slack
        max_short = 1.0 if limits.short is None else limits.short
        assert side > 0 or -sum(value for value in everything if value < 0) <= max_short * account * slack
        assert limits.positions is None or len({*values, fill.symbol}) <= limits.positions
        assert abs(added) >= limits.min_order * (1 - EXACT)


@settings(max_examples=60, deadline=None)
@given(cases(mode="stop", stop=STOPS[0], base=0.01, cap_at="fill"))
def test_the_loss_of_the_whole_position_at_its_stop_is_within_the_rule_after_every_addition(case):
    market, signals, _, risk, broker = case
    result = backtest(*case)
    decided = result.orders.set_index("order_id")["created_at"]
    entries = result.stops.set_index("order_id")
    stop = {}
    for fill, account, _ in openings(market, result):
        if fill.order_id in entries.index:
            stop[fill.symbol] = entries.loc[fill.order_id, "stop_price"]
        side = np.sign(fill.size)
        units = abs(fill.position_after)
        left = stop[fill.symbol] * (1 - side * broker.slippage)
        loss = side * units * (fill.price - left) + cost(units, fill.price, broker) + cost(units, left, broker)
        row = signals.times.get_loc(decided[fill.order_id])
        column = signals.symbols.index(fill.symbol)
        assert loss <= risk.base * signals.confidence[row, column] * account * (1 + EXACT)


def cost(units, price, broker):
    return max(units * (broker.commission * price + broker.commission_per_unit), broker.commission_minimum)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_nothing_is_opened_while_the_account_is_stopped(case):
    market, _, _, risk, _ = case
    result = backtest(*case)
    equity = result.equity["equity"].to_numpy()
    row_of = {time: n for n, time in enumerate(result.equity["time"])}
    opened = {row_of[fill.time] for fill, *_ in openings(market, result)}
    for first, until in stopped(equity, result.cash, risk.limits):
        assert opened.isdisjoint(range(first + 1, until + 1))
        for symbol, held in result.positions.items():
            sold = [row_of[time] for time in market.bars[symbol].times if row_of.get(time, 0) > first][:1]
            assert not sold or not held.iloc[sold[0] : until + 1].any()


def stopped(equity, cash, limits):
    """The rows at whose close a stop of the account acts, each with the row at which trading resumes."""
    peak = before = cash
    resumes = 0
    for row, value in enumerate(equity):
        if row < resumes:
            continue
        if row == resumes:
            peak, before = (value, value) if row else (cash, cash)
        peak = max(peak, value)
        fell = limits.drawdown is not None and value <= peak * (1 - limits.drawdown)
        lost = limits.daily_loss is not None and value <= before * (1 - limits.daily_loss)
        before = value
        if fell or lost:
            resumes = row + limits.resume_after
            yield row, resumes


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(4, 28))
def test_cutting_the_future_off_changes_nothing_that_was_asked_or_filled_before(case, row):
    market, signals, spec, risk, broker = case
    last = signals.times[min(row, len(signals.times) - 1)]
    cut = signals.times <= last
    past = replace(signals, **{n: getattr(signals, n)[cut] for n in ("times", "prediction", "confidence", "fold")})
    assume(all(bars.times[0] <= last for bars in market.bars.values()))
    complete = backtest(*case)
    short = backtest(market.until(last), past, spec, risk, broker)
    for table in ("equity", "fills"):
        full = getattr(complete, table)
        pd.testing.assert_frame_equal(getattr(short, table), full[full["time"] <= last], check_exact=True)
    columns = ["order_id", "created_at", "symbol", "kind", "side", "asked"]
    market_orders = (orders[orders["kind"] == "market"][columns] for orders in (short.orders, complete.orders))
    before, after = (orders[orders["created_at"] <= last].reset_index(drop=True) for orders in market_orders)
    # What is asked is the sum of what was trimmed and what is left: its last digit may differ once it is filled.
    pd.testing.assert_frame_equal(before, after.head(len(before)), rtol=EXACT, atol=0.0)
