"""The risk rule on random markets: gaps, missing bars, costs, lots, stops, both modes. No breach, no money lost.

Everything is worked out anew from the tables and the bars; nothing of the broker's own memory is believed.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import Bars, Market, SignalFrame
from engine.backtest.bt.engine import run
from risk.costs import BrokerSpec, commission
from risk.spec import RiskSpec
from strategies.threshold import Threshold

MODES = ("notional", "stop")
STOPS = (
    None,
    {"kind": "percent", "value": 0.03},
    {"kind": "atr", "window": 3, "multiple": 1.5},
    {"kind": "trail_percent", "value": 0.04},
    {"kind": "trail_atr", "window": 2, "multiple": 1.0},
)
CLOSE = 1e-9


@st.composite
def cases(draw):
    days = draw(st.integers(6, 28))
    count = draw(st.integers(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bars = {f"s{n}": random_bars(f"s{n}", days, generator, full=n == 0) for n in range(count)}
    market = Market(bars, tuple(bars), "s0", "UTC")
    mode = draw(st.sampled_from(MODES))
    stop = draw(st.sampled_from(STOPS[1:] if mode == "stop" else STOPS))
    limits = {
        "gross": draw(st.sampled_from([None, 0.3, 0.6])),
        "net": draw(st.sampled_from([None, 0.2])),
        "short": draw(st.sampled_from([None, 0.1])),
        "positions": draw(st.sampled_from([None, 1, 2])),
        "open_risk": draw(st.sampled_from([None, 0.05])) if stop else None,
        "daily_loss": draw(st.sampled_from([None, 0.01])),
        "drawdown": draw(st.sampled_from([None, 0.02])),
        "resume_after": draw(st.sampled_from([1, 4])),
        "min_order": draw(st.sampled_from([0.0, 50.0])),
    }
    risk = RiskSpec.parse(
        {
            "base": draw(st.sampled_from([0.01, 0.05] if mode == "stop" else [0.02, 0.2, 0.5])),
            "cap": draw(st.sampled_from([0.05, 0.25])),
            "mode": mode,
            "stop": stop,
            "take_profit": draw(st.sampled_from([None, {"kind": "percent", "value": 0.03}])),
            "resize": draw(st.sampled_from([None, {"band": 0.1}])),
            "limits": limits,
        }
    )
    broker = BrokerSpec(
        commission=draw(st.sampled_from([0.0, 0.002])),
        commission_per_unit=draw(st.sampled_from([0.0, 0.01])),
        commission_minimum=draw(st.sampled_from([0.0, 0.5])),
        slippage=draw(st.sampled_from([0.0, 0.002])),
        lot=draw(st.sampled_from([0.0, 0.01, 1.0])),
        short_interest=draw(st.sampled_from([0.0, 0.05])),
        cash_interest=draw(st.sampled_from([0.0, 0.04])),
    )
    prediction = np.round(generator.normal(0.0, 0.01, (days, count)), 3)
    prediction[generator.random((days, count)) < 0.2] = np.nan
    confidence = np.where(np.isnan(prediction), np.nan, generator.uniform(0.2, 1.0, (days, count)))
    signals = SignalFrame(market.times, tuple(bars), prediction, confidence, np.zeros(days, dtype=np.int64))
    return market, signals, Threshold(side=draw(st.sampled_from(["both", "long", "short"]))), risk, broker


def random_bars(symbol, days, generator, full):
    """Bars with gaps of several per cent; but for the first symbol some days are missing."""
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.03, days)))
    opened = close * np.exp(generator.normal(0.0, 0.04, days))
    high = np.maximum(opened, close) * np.exp(np.abs(generator.normal(0.0, 0.015, days)))
    low = np.minimum(opened, close) * np.exp(-np.abs(generator.normal(0.0, 0.015, days)))
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1e6})
    frame.index = pd.date_range("2024-01-01 21:00", periods=days, tz="UTC")
    is_present = np.full(days, full) | (generator.random(days) < 0.8)
    is_present[-1] = True
    return Bars.of(symbol, frame[is_present])


class Book:
    """Holdings before each fill, worked out from the fills and the costs alone."""

    def __init__(self, market, result, broker):
        self.market = market
        self.broker = broker
        self.cash = broker.cash
        self.held = dict.fromkeys(market.trade, 0.0)
        self.entry = {}
        self.interest = result.costs[result.costs["kind"].isin(["cash_interest"])]
        self.rows = []
        self.paid = dict.fromkeys(market.trade)
        times = result.equity["time"]
        for time in times:
            self.charge(time)
            for fill in result.fills[result.fills["time"] == time].itertuples():
                self.rows.append((fill, self.account(time), dict(self.held), self.holdings(time)))
                self.apply(fill)

    def charge(self, time):
        """Interest on cash first, then on shorts by calendar day, on what their entry was worth."""
        earned = self.interest[self.interest["time"] == time]["amount"].sum()
        self.cash -= earned
        for symbol in self.market.trade:
            if time in self.market.bars[symbol].times:
                before, self.paid[symbol] = self.paid[symbol], time
                if before is not None and self.held[symbol] < 0:
                    days = (time - before).days
                    owed = -self.held[symbol] * self.entry[symbol]
                    self.cash -= days * self.broker.short_interest / 365 * owed

    def mark(self, symbol, time):
        bars = self.market.bars[symbol]
        row = bars.times.searchsorted(time, side="right") - 1
        return bars.open[row] if bars.times[row] == time else bars.close[row]

    def account(self, time):
        return self.cash + sum(units * self.mark(symbol, time) for symbol, units in self.held.items() if units)

    def holdings(self, time):
        return {symbol: (units, self.mark(symbol, time)) for symbol, units in self.held.items() if units}

    def apply(self, fill):
        before = self.held[fill.symbol]
        self.cash -= fill.size * fill.price + fill.commission
        self.held[fill.symbol] = fill.position_after
        if before * fill.size >= 0:
            self.entry[fill.symbol] = (
                self.entry.get(fill.symbol, 0.0) * before + fill.size * fill.price
            ) / fill.position_after


def opening(book):
    """The fills that opened or added, with account, positions and holdings before them."""
    return [row for row in book.rows if row[0].size * row[0].position_after > 0]


@settings(max_examples=40, deadline=None)
@given(cases())
def test_the_cap_and_the_limits_hold_at_every_fill_that_opens(case):
    market, signals, spec, risk, broker = case
    result = run(market, signals, spec, risk, broker, "0" * 12)
    shares = result.orders.set_index("order_id")["share_at_fill"]
    limits = risk.limits
    for fill, account, _, holdings in opening(Book(market, result, broker)):
        share = abs(fill.position_after) * fill.price / account
        assert share <= risk.cap * (1 + CLOSE)
        assert shares[fill.order_id] == pytest.approx(share, rel=CLOSE)
        holdings[fill.symbol] = (fill.position_after, fill.price)
        worth = np.array([units * price for units, price in holdings.values()])
        slack = account * CLOSE + 1e-9
        # The other positions may have drifted above a limit before; then nothing may be added on that side.
        if limits.gross:
            assert np.abs(worth).sum() <= limits.gross * account * (1 + broker.slippage + CLOSE) + slack
        if limits.net:
            assert np.sign(fill.size) * worth.sum() <= limits.net * account * (1 + broker.slippage + CLOSE) + slack
        if fill.size < 0:
            max_short = 1.0 if limits.short is None else limits.short
            assert -worth[worth < 0].sum() <= max_short * account * (1 + broker.slippage + CLOSE) + slack
        if limits.positions:
            assert len(worth) <= limits.positions
        assert abs(fill.size) * fill.price >= limits.min_order * (1 - CLOSE)


@settings(max_examples=30, deadline=None)
@given(cases())
def test_the_loss_at_the_stop_is_within_the_rule_at_the_fill(case):
    market, signals, spec, risk, broker = case
    risk = risk.model_copy(update={"mode": "stop", "stop": risk.stop or RiskSpec.parse({"stop": STOPS[1]}).stop})
    result = run(market, signals, spec, risk, broker, "0" * 12)
    accounts = {fill.order_id: account for fill, account, *_ in Book(market, result, broker).rows}
    orders = result.orders.set_index("order_id")
    for row in result.stops.itertuples():
        column = signals.symbols.index(row.symbol)
        confidence = signals.confidence[signals.times.get_loc(orders.loc[row.order_id, "created_at"]), column]
        side = np.sign(row.size)
        units = abs(row.size)
        left = row.stop_price * (1 - side * broker.slippage)
        loss = units * side * (row.entry_price - left)
        loss += commission(units, row.entry_price, broker) + commission(units, left, broker)
        assert loss <= risk.base * confidence * accounts[row.order_id] * (1 + CLOSE)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_money_is_neither_made_nor_lost(case):
    market, signals, spec, risk, broker = case
    result = run(market, signals, spec, risk, broker, "0" * 12)
    table = result.equity
    costs = result.costs.groupby("kind")["amount"].sum()
    marks = pd.DataFrame({s: pd.Series(b.close, index=b.times) for s, b in market.bars.items()})
    marks = marks.reindex(table["time"]).ffill().fillna(0.0)
    value = table["cash"].to_numpy() + (result.positions.to_numpy() * marks.to_numpy()).sum(axis=1)
    np.testing.assert_allclose(table["equity"], value, rtol=1e-9)
    # An open trade bears the short interest that no fill has booked yet: so all of it is in the trades.
    gained = table["equity"].iloc[-1] - result.cash
    earned = -costs.get("cash_interest", 0.0)
    assert result.trades["pnl"].sum() + earned == pytest.approx(gained, rel=1e-9, abs=1e-7)
    assert result.trades["interest"].sum() == pytest.approx(costs.get("short_interest", 0.0), abs=1e-9)
    assert result.fills["commission"].sum() == pytest.approx(costs.get("commission", 0.0), abs=1e-9)
    book = Book(market, result, broker)
    assert book.cash == pytest.approx(table["cash"].iloc[-1], rel=1e-9, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_every_fill_is_at_a_price_that_its_bar_had(case):
    market, signals, spec, risk, broker = case
    result = run(market, signals, spec, risk, broker, "0" * 12)
    for fill in result.fills.itertuples():
        bars = market.bars[fill.symbol]
        row = bars.times.get_loc(fill.time)
        slip = 1 + np.sign(fill.size) * broker.slippage
        if fill.kind == "market":
            assert fill.price == pytest.approx(bars.open[row] * slip)
        elif fill.kind in ("stop", "trail"):
            quoted = fill.price / slip
            assert bars.low[row] * (1 - CLOSE) <= quoted <= bars.high[row] * (1 + CLOSE)
        else:
            assert bars.low[row] * (1 - broker.slippage - CLOSE) <= fill.price
            assert fill.price <= bars.high[row] * (1 + broker.slippage + CLOSE)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_what_is_asked_is_trimmed_or_filled_and_lots_are_whole(case):
    market, signals, spec, risk, broker = case
    orders = run(market, signals, spec, risk, broker, "0" * 12).orders
    filled = orders[orders["status"] == "completed"]
    np.testing.assert_allclose(filled["asked"], filled["trimmed"] + filled["filled"], rtol=1e-12, atol=1e-12)
    market_orders = filled[filled["kind"] == "market"]
    assert (market_orders["trimmed"] * market_orders["asked"] >= 0).all()  # an order only ever shrinks
    assert (market_orders["trimmed"].abs() <= market_orders["asked"].abs()).all()
    assert set(orders[orders["status"] == "rejected"]["filled"]) <= {0.0}
    assert (orders[(orders["status"] == "rejected") | (orders["trimmed"] != 0)]["reason"] != "").all()
    if broker.lot:
        lots = filled["filled"] / broker.lot
        assert (np.abs(lots - lots.round()) < 1e-6).all()


@settings(max_examples=30, deadline=None)
@given(cases())
def test_a_stop_never_turns_a_position_round(case):
    market, signals, spec, risk, broker = case
    fills = run(market, signals, spec, risk, broker, "0" * 12).fills
    bracket = fills[fills["kind"] != "market"]
    assert (bracket["position_after"] == 0.0).all()


@settings(max_examples=20, deadline=None)
@given(cases(), st.integers(3, 24))
def test_cutting_the_future_off_changes_nothing_before(case, row):
    market, signals, spec, risk, broker = case
    last = signals.times[min(row, len(signals.times) - 1)]
    cut = signals.times <= last
    past = replace(
        signals, **{name: getattr(signals, name)[cut] for name in ("times", "prediction", "confidence", "fold")}
    )
    begun = tuple(symbol for symbol in market.trade if market.bars[symbol].times[0] <= last)
    if begun != market.trade:
        return
    complete, short = (
        run(*pair, spec, risk, broker, "0" * 12) for pair in ((market, signals), (market.until(last), past))
    )
    for table in ("equity", "fills"):
        full = getattr(complete, table)
        pd.testing.assert_frame_equal(getattr(short, table), full[full["time"] <= last], check_exact=True)
    columns = ["order_id", "created_at", "symbol", "kind", "side"]
    earlier = complete.orders[complete.orders["created_at"] <= last]
    pd.testing.assert_frame_equal(short.orders[columns], earlier[columns], check_exact=True)
