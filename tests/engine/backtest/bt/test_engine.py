from dataclasses import replace

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, DataError
from core.table_schemas import EQUITY, FILLS, ORDERS, TRADES
from core.types import Bars, Market, SignalFrame
from engine.backtest.bt.engine import run
from engine.backtest.bt.feed import SignalFeed
from risk.bt_adapter import RiskBroker, RiskRuleSizer
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from risk.stops import average_true_range
from strategies._backtrader import SignalStrategy
from strategies.threshold import Threshold

ZONE = "America/New_York"
FREE = BrokerSpec(commission=0.0, slippage=0.0, short_interest=0.0)
RISK = RiskSpec()


def closes(days, start="2020-01-06", at="16:00"):
    """UTC close times of calendar days."""
    local = pd.date_range(start, periods=days) + pd.Timedelta(f"{at}:00")
    return local.tz_localize(ZONE).tz_convert("UTC").as_unit("ns")


def bars(symbol, rows, times=None):
    """Bars from rows of open, high, low, close; None leaves a time out."""
    times = closes(len(rows)) if times is None else times
    present = [n for n, row in enumerate(rows) if row]
    frame = pd.DataFrame([rows[n] for n in present], columns=["open", "high", "low", "close"], index=times[present])
    return Bars.of(symbol, frame.assign(volume=1.0))


def flat(price):
    return (price, price, price, price)


def market(*items, zone=ZONE):
    return Market({item.symbol: item for item in items}, tuple(item.symbol for item in items), items[0].symbol, zone)


def signals_of(market, prediction, confidence=1.0, first=0):
    """Signals on the market's union calendar; `prediction` has a column per symbol."""
    times = market.times
    symbols = market.trade
    prediction = np.array(prediction, dtype=np.float64).reshape(len(times), len(symbols))
    confidence = np.where(np.isnan(prediction), np.nan, np.broadcast_to(confidence, prediction.shape))
    return SignalFrame(times, symbols, prediction, confidence, np.where(np.arange(len(times)) < first, -1, 0))


def backtest(market, signals, strategy=None, risk=RISK, broker=FREE):
    return run(market, signals, strategy or Threshold(), risk, broker, "0123456789ab")


# --- one run by hand


@pytest.fixture(scope="module")
def by_hand():
    """Long from day 1 to day 3, short from day 3 on; commission 1 %, slippage 1 %, interest 36.5 % a year."""
    rows = [
        flat(100.0),
        (100.0, 110.0, 100.0, 110.0),
        (110.0, 125.0, 110.0, 120.0),
        (120.0, 120.0, 100.0, 100.0),
        flat(90.0),
    ]
    item = market(bars("a", rows))
    costs = BrokerSpec(commission=0.01, slippage=0.01, short_interest=0.365)
    return backtest(item, signals_of(item, [0.01, 0.01, -0.01, -0.01, -0.01]), broker=costs)


SIZE = 2.0  # 2 % of 10,000 at 100
PAID = SIZE * 101.0 + SIZE * 101.0 * 0.01
CASH_1 = 10_000 - PAID
EQUITY_2 = CASH_1 + SIZE * 120.0
SHORT = 0.02 * EQUITY_2 / 120.0
SOLD = (SIZE + SHORT) * 118.8 * 0.99
DUE = 0.001 * SHORT * 118.8


def test_equity_by_hand(by_hand):
    cash = [10_000.0, CASH_1, CASH_1, CASH_1 + SOLD, CASH_1 + SOLD - DUE]
    held = [0.0, SIZE * 110.0, SIZE * 120.0, -SHORT * 100.0, -SHORT * 90.0]
    equity = np.add(cash, held)
    table = by_hand.equity
    assert list(table["time"]) == list(closes(5))
    assert list(table["cash"]) == pytest.approx(cash, rel=1e-13)
    assert list(table["equity"]) == pytest.approx(equity, rel=1e-13)
    assert list(table["gross_exposure"]) == pytest.approx(np.abs(held) / equity)
    assert list(table["net_exposure"]) == pytest.approx(held / equity)
    assert np.isnan(table["return"].iloc[0])
    assert list(table["return"].iloc[1:]) == pytest.approx(equity[1:] / equity[:-1] - 1, abs=1e-13)


def test_orders_by_hand(by_hand):
    table = by_hand.orders
    assert list(table["order_id"]) == [1, 2, 3]
    assert list(table["created_at"]) == [closes(5)[0], closes(5)[2], closes(5)[2]]
    assert list(table["side"]) == ["buy", "sell", "sell"]
    assert list(table["asked"]) == pytest.approx([SIZE, -SIZE, -SHORT])
    assert list(table["filled"]) == list(table["asked"])
    assert list(table["price"]) == pytest.approx([101.0, 118.8, 118.8])
    assert list(table["commission"]) == pytest.approx([2.02, SIZE * 1.188, SHORT * 1.188])
    after_close = CASH_1 + SIZE * 118.8 * 0.99
    assert list(table["share_at_fill"]) == pytest.approx([202.0 / 10_000, 0.0, SHORT * 118.8 / after_close])
    assert set(table["status"]) == {"completed"}


def test_fills_by_hand(by_hand):
    table = by_hand.fills
    assert list(table["time"]) == [closes(5)[1], closes(5)[3], closes(5)[3]]
    assert list(table["position_after"]) == pytest.approx([SIZE, 0.0, -SHORT])
    assert list(table["order_id"]) == [1, 2, 3]


def test_trades_by_hand(by_hand):
    first, second = by_hand.trades.to_dict("records")
    assert (first["bars"], first["exit_reason"]) == (2, "signal")
    assert first["pnl"] == pytest.approx(SIZE * (118.8 - 101.0) - 2.02 - SIZE * 1.188)
    assert (second["bars"], second["exit_reason"], second["interest"]) == (2, "open", pytest.approx(DUE))
    assert second["pnl"] == pytest.approx(SHORT * (118.8 - 90.0) - SHORT * 1.188 - DUE)


def test_positions_by_hand(by_hand):
    assert list(by_hand.positions["a"]) == pytest.approx([0.0, SIZE, SIZE, -SHORT, -SHORT])
    assert list(by_hand.positions.index) == list(by_hand.equity["time"])


def test_the_result_says_what_it_is(by_hand):
    about = (by_hand.engine, by_hand.config_id, by_hand.cash, by_hand.zone, by_hand.notes)
    assert about == ("backtrader", "0123456789ab", 10_000.0, ZONE, ())


def test_the_tables_keep_their_contract(by_hand):
    for contract, frame in zip((EQUITY, ORDERS, FILLS, TRADES), frames(by_hand), strict=True):
        contract.check(frame)


def frames(result):
    return result.equity, result.orders, result.fills, result.trades


# --- time


def test_the_account_begins_at_the_first_decision():
    item = market(bars("a", [flat(100.0 + n) for n in range(6)]))
    result = backtest(item, signals_of(item, [0.01] * 6, first=3))
    assert list(result.equity["time"]) == list(closes(6)[3:])
    assert result.equity["equity"].iloc[0] == 10_000.0
    assert list(result.orders["created_at"]) == [closes(6)[3]]


def test_close_times_survive_the_change_of_clocks():
    times = closes(5, start="2020-03-06")  # New York sets its clocks on the 8th
    item = market(bars("a", [flat(100.0)] * 5, times))
    result = backtest(item, signals_of(item, [0.01, 0.01, -0.01, 0.01, 0.01]))
    assert [time.hour for time in result.equity["time"]] == [21, 21, 20, 20, 20]
    assert list(result.fills["time"]) == [times[1], times[3], times[3], times[4], times[4]]


def test_bars_within_a_session_keep_their_own_times():
    times = pd.date_range("2020-01-06 15:00:07", periods=6, freq="97min", tz="UTC").as_unit("ns")
    item = market(bars("a", [flat(100.0)] * 6, times))
    result = backtest(item, signals_of(item, [0.01, np.nan, -0.01, np.nan, 0.01, np.nan]))
    assert list(result.equity["time"]) == list(times)
    assert list(result.fills["time"]) == [times[n] for n in (1, 3, 3, 5, 5)]


def test_symbols_that_close_at_different_hours_share_a_session():
    early = closes(3, at="13:00")
    late = closes(3)
    item = market(bars("a", [flat(100.0)] * 3, early), bars("b", [flat(50.0)] * 3, late))
    both = np.array([[0.01, np.nan], [np.nan, 0.01]] * 3)
    result = backtest(item, signals_of(item, both))
    assert list(result.equity["time"]) == list(late)
    assert list(result.orders["created_at"]) == [early[0], late[0]]


def test_a_symbol_without_a_bar_waits_for_its_own_next_open():
    item = market(bars("a", [flat(100.0)] * 4), bars("b", [flat(50.0), None, flat(60.0), flat(60.0)]))
    result = backtest(item, signals_of(item, np.array([[np.nan, 0.01]] * 4)))
    assert result.fills[["time", "symbol", "price"]].values.tolist() == [[closes(4)[2], "b", 60.0]]


def test_an_ended_symbol_is_valued_at_its_last_close():
    item = market(bars("a", [flat(100.0)] * 4), bars("b", [flat(50.0), flat(60.0), None, None]))
    result = backtest(item, signals_of(item, np.array([[np.nan, 0.01], [np.nan, -0.01]] * 2)))
    assert list(result.equity["equity"]) == [10_000.0] * 4
    assert list(result.positions["b"]) == [0.0, 4.0, 4.0, 4.0]
    assert list(result.orders["reason"][1:]) == ["no later bar of b"] * 2


def test_a_symbol_that_ended_before_the_first_decision_is_left_out_and_noted():
    item = market(bars("a", [flat(100.0)] * 4), bars("b", [flat(50.0), None, None, None]))
    result = backtest(item, signals_of(item, np.array([[0.01, 0.01]] * 4), first=1))
    assert list(result.positions.columns) == ["a", "b"]
    assert set(result.positions["b"]) == {0.0}
    assert result.notes == ("b has no bar from the first decision on",)


def test_the_order_of_the_last_bar_is_in_the_table():
    item = market(bars("a", [flat(100.0)] * 3))
    result = backtest(item, signals_of(item, [np.nan, np.nan, 0.01]))
    assert result.orders[["status", "reason", "filled"]].values.tolist() == [["pending", "no later bar of a", 0.0]]


def test_a_refused_entry_is_in_the_table():
    item = market(bars("a", [flat(100.0)] * 3))
    result = backtest(item, signals_of(item, [0.01, np.nan, np.nan]), broker=BrokerSpec(lot=10.0))
    assert list(result.orders["reason"]) == ["size 0: the rule allows 2 units, the lot is 10"]


# --- costs


@pytest.mark.parametrize(("slip_out", "price"), [(True, 101.0), (False, 100.0)])
def test_slippage_at_an_open_that_is_the_high(slip_out, price):
    item = market(bars("a", [flat(100.0)] * 3))
    broker = BrokerSpec(commission=0.0, slippage=0.01, slip_out=slip_out)
    assert list(backtest(item, signals_of(item, [0.01] * 3), broker=broker).fills["price"]) == [price]


def test_a_broker_without_costs_conserves_money():
    item = market(bars("a", [flat(100.0)] * 30))
    prediction = np.where(np.arange(30) % 3 == 0, 0.01, -0.01)
    assert set(backtest(item, signals_of(item, prediction)).equity["equity"]) == {10_000.0}


def test_a_script_of_ones_own_gives_the_same():
    generator = np.random.default_rng(5)
    item = market(random_bars("a", 60, generator, full=True))
    signals = signals_of(item, generator.normal(0.0, 0.01, 60), 0.7)
    frame = item.bars["a"].frame.assign(prediction=signals.prediction[:, 0], confidence=0.7)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(SignalFeed(dataname=frame.set_axis(frame.index.normalize()), name="a"))
    cerebro.broker = RiskBroker(cash=10_000.0)
    cerebro.broker.setcommission(commission=0.001, interest=0.03)
    cerebro.broker.set_slippage_perc(0.0005, slip_out=True)
    cerebro.addsizer(RiskRuleSizer)
    cerebro.addstrategy(SignalStrategy)
    value = cerebro.run()[0].broker.getvalue()
    assert value == backtest(item, signals, broker=BrokerSpec()).equity["equity"].iloc[-1]


# --- what is refused


def test_signals_of_other_bars_are_refused():
    item = market(bars("a", [flat(100.0)] * 4))
    signals = signals_of(item.until(closes(4)[2]), [0.01] * 3)
    with pytest.raises(DataError, match="a: there is no signal row for the bar of 2020-01-09 21:00:00"):
        backtest(item, signals)


def test_no_bar_at_all_is_refused():
    item = market(bars("a", [flat(100.0)] * 4))
    signals = signals_of(item, [0.01] * 4, first=3)
    with pytest.raises(DataError, match="no traded symbol has a bar at or after the first decision, 2020-01-09"):
        backtest(item.until(closes(4)[1]), signals)


def test_a_ruined_account_is_refused():
    item = market(bars("a", [flat(100.0), flat(100.0), flat(1e6), flat(1e6)]))
    with pytest.raises(
        ConfigError, match=r"worth -\d+.00 at 2020-01-08 21:00:00.*: a short lost more.*strategy.side: long"
    ):
        backtest(item, signals_of(item, [-0.01] * 4))


def test_an_account_that_overflows_is_refused():
    item = market(bars("a", [flat(1e-300), flat(1e-300), flat(1e300), flat(1e300)]))
    with pytest.raises(DataError, match="the account's value is nan at 2020-01-08"):
        backtest(item, signals_of(item, [0.01] * 4))


# --- stops


def test_a_stop_by_the_average_range_knows_the_bars_before_the_first_decision():
    generator = np.random.default_rng(4)
    item = market(random_bars("a", 12, generator, full=True))
    risk = RiskSpec.parse({"stop": {"kind": "atr", "window": 3, "multiple": 2.0}})
    result = backtest(item, signals_of(item, np.full(12, 0.01), first=5), Threshold(), risk)
    item_bars = item.bars["a"]
    span = average_true_range(item_bars.high, item_bars.low, item_bars.close, 3)[5]
    assert result.stops["stop_price"].iloc[0] == item_bars.close[5] - 2.0 * span
    assert result.stops["entered_at"].iloc[0] == item_bars.times[6]


# --- properties


@st.composite
def cases(draw):
    """Up to three symbols with gaps, missing bars, late starts and early ends, and any signals and costs."""
    days = draw(st.integers(2, 25))
    count = draw(st.integers(1, 3))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    items = [random_bars(f"s{n}", days, generator, full=n == 0) for n in range(count)]
    prediction = generator.normal(0.0, 0.01, (days, count))
    prediction[generator.random((days, count)) < 0.2] = np.nan
    base = draw(st.sampled_from([0.02, 0.1, 0.3]))
    risk = RiskSpec(base=base, cap=draw(st.sampled_from([0.05, 0.3])))
    broker = BrokerSpec(
        commission=draw(st.sampled_from([0.0, 0.002])),
        slippage=draw(st.sampled_from([0.0, 0.001])),
        slip_out=True,
        lot=draw(st.sampled_from([0.0, 0.01, 1.0])),
        short_interest=draw(st.sampled_from([0.0, 0.05])),
        delisting="hold",
    )
    entry = draw(st.sampled_from([0.0, 0.005]))
    exit_ = draw(st.sampled_from([0.0, entry]))
    side = draw(st.sampled_from(["both", "long", "short"]))
    spec = Threshold(entry=entry, exit=exit_, side=side)
    item = market(*items)
    return item, signals_of(item, prediction, generator.random((days, count))), spec, risk, broker


def random_bars(symbol, days, generator, full):
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.03, days)))
    opened = close * np.exp(generator.normal(0.0, 0.03, days))
    up, down = np.exp(np.abs(generator.normal(0.0, 0.01, (2, days)))) * [[1.0], [-1.0]] + [[0.0], [2.0]]
    high = np.maximum(opened, close) * up
    low = np.minimum(opened, close) * np.minimum(down, 1.0)
    first, last = (
        (0, days) if full else (generator.integers(0, days // 2 + 1), generator.integers(days // 2 + 1, days + 1))
    )
    there = full | (generator.random(days) < 0.85) & (np.arange(days) >= first) & (np.arange(days) < last)
    rows = [row if keep else None for row, keep in zip(zip(opened, high, low, close, strict=True), there, strict=True)]
    return bars(symbol, rows if there.any() else [*rows[:-1], flat(100.0)])


class Oracle:
    """The same run in plain Python: `path` of (equity, cash) per session, `fills` of (time, symbol, size, price)."""

    def __init__(self, item, signals, spec, risk, broker):
        self.item = item
        self.signals = signals
        self.spec = spec
        self.risk = risk
        self.broker = broker
        self.cash = broker.cash
        self.path = []
        self.fills = []
        self.orders = []
        self.held, self.entry, self.day, self.mark = (dict.fromkeys(item.trade, 0.0) for _ in range(4))
        for row, time in enumerate(signals.times):
            self.session(row, time, {s: b.times.get_loc(time) for s, b in item.bars.items() if time in b.times})

    def session(self, row, time, new):
        for symbol in new:
            if self.held[symbol] < 0:
                owed = -self.held[symbol] * self.entry[symbol]
                self.cash -= (row - self.day[symbol]) * self.broker.short_interest / 365 * owed
            self.day[symbol] = row
        due = [order for order in self.orders if order[0] in new]
        self.orders = [order for order in self.orders if order[0] not in new]
        self.mark.update({symbol: self.item.bars[symbol].open[at] for symbol, at in new.items()})
        for symbol, size in due:
            self.fill(time, symbol, size, self.item.bars[symbol].open[new[symbol]])
        self.mark.update({symbol: self.item.bars[symbol].close[at] for symbol, at in new.items()})
        equity = self.cash + sum(units * self.mark[symbol] for symbol, units in self.held.items())
        self.path.append((equity, self.cash))
        moves = [(symbol, *self.move(row, symbol, equity)) for symbol in new]
        self.orders += [(symbol, leave) for symbol, leave, _ in moves if leave]
        self.orders += [(symbol, enter) for symbol, _, enter in moves if enter]

    def fill(self, time, symbol, size, opened):
        price = opened * (1 + np.sign(size) * self.broker.slippage)
        if self.held[symbol] == 0.0:  # it opens: the cap holds at the fill
            account = self.cash + sum(units * self.mark[other] for other, units in self.held.items())
            max_units = self.risk.cap * account / price
            size = np.sign(size) * (abs(size) if abs(size) <= max_units else self.whole_lots(max_units))
        if size == 0.0:
            return
        self.cash -= size * price + abs(size) * price * self.broker.commission
        self.held[symbol] += size
        self.entry[symbol] = price
        self.fills.append((time, symbol, size, price))

    def move(self, row, symbol, equity):
        column = self.signals.symbols.index(symbol)
        prediction = self.signals.prediction[row, column]
        confidence = self.signals.confidence[row, column]
        side = int(np.sign(self.held[symbol]))
        target = self.spec.rule(prediction, confidence, side, 0, self.spec)
        if target == side:
            return 0.0, 0.0
        units = min(self.risk.base * confidence, self.risk.cap) * equity / self.mark[symbol]
        return -self.held[symbol], target * self.whole_lots(units)

    def whole_lots(self, units):
        return np.floor(units / self.broker.lot + 1e-12) * self.broker.lot if self.broker.lot else units


@settings(max_examples=40)
@given(cases())
def test_it_is_what_plain_arithmetic_says(case):
    item, signals, spec, risk, broker = case
    result = backtest(item, signals, spec, risk, broker)
    told_by = Oracle(*case)
    assert result.equity[["equity", "cash"]].to_numpy() == pytest.approx(np.array(told_by.path), rel=1e-9)
    table = result.fills
    fills = told_by.fills
    assert list(zip(table["time"], table["symbol"], strict=True)) == [fill[:2] for fill in fills]
    assert table[["size", "price"]].to_numpy() == pytest.approx(np.array([fill[2:] for fill in fills]).reshape(-1, 2))


@settings(max_examples=25)
@given(cases())
def test_money_is_neither_made_nor_lost(case):
    item, signals, spec, risk, broker = case
    result = backtest(item, signals, spec, risk, broker)
    table = result.equity
    fills = result.fills
    marks = pd.DataFrame({s: pd.Series(b.close, index=b.times) for s, b in item.bars.items()})
    marks = marks.reindex(table["time"]).ffill().fillna(0.0)
    value = table["cash"].to_numpy() + (result.positions.to_numpy() * marks.to_numpy()).sum(axis=1)
    assert table["equity"].to_numpy() == pytest.approx(value, rel=1e-9)
    gained = table["equity"].iloc[-1] - result.cash
    assert result.trades["pnl"].sum() == pytest.approx(gained, rel=1e-9, abs=1e-9 * result.cash)
    assert fills["commission"].sum() == pytest.approx(result.orders["commission"].sum())
    assert fills["commission"].sum() == pytest.approx(result.trades["commission"].sum())


@settings(max_examples=25)
@given(cases())
def test_orders_fill_at_the_next_bar_and_within_the_rule(case):
    item, signals, spec, risk, broker = case
    result = backtest(item, signals, spec, risk, broker)
    orders = result.orders.set_index("order_id")
    account = result.equity.set_index("time")["equity"]
    for fill in result.fills.itertuples():
        order = orders.loc[fill.order_id]
        times = item.bars[fill.symbol].times
        row = times.get_loc(order["created_at"])
        assert fill.time == times[row + 1]
        slipped = 1 + np.sign(fill.size) * broker.slippage
        assert fill.price == pytest.approx(item.bars[fill.symbol].open[row + 1] * slipped)
        if fill.position_after != 0.0:  # an opening order: its notional at the signal
            column = signals.symbols.index(fill.symbol)
            confidence = signals.confidence[signals.times.get_loc(order["created_at"]), column]
            allowed = min(risk.base * confidence, risk.cap) * account[order["created_at"]]
            assert abs(fill.size) * item.bars[fill.symbol].close[row] <= allowed * (1 + 1e-12)


@settings(max_examples=25)
@given(cases(), st.integers(0, 24))
def test_cutting_the_future_off_changes_nothing_before(case, row):
    item, signals, spec, risk, broker = case
    last = signals.times[min(row, len(signals.times) - 1)]
    cut = signals.times <= last
    past = replace(
        signals, **{name: getattr(signals, name)[cut] for name in ("times", "prediction", "confidence", "fold")}
    )
    complete, short = (backtest(*pair, spec, risk, broker) for pair in ((item, signals), (item.until(last), past)))
    for table in ("equity", "fills"):
        full = getattr(complete, table)
        pd.testing.assert_frame_equal(getattr(short, table), full[full["time"] <= last], check_exact=True)
    columns = ["order_id", "created_at", "symbol", "kind", "side", "asked"]
    earlier = complete.orders[complete.orders["created_at"] <= last]
    pd.testing.assert_frame_equal(short.orders[columns], earlier[columns], check_exact=True)
