"""Entries by limit and stop orders, on bars worked by hand: reached, gapped through, in vain, beyond a stop."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine
from engine.backtest.bt.feed import SignalFeed
from engine.backtest.engine_output import BacktestInput
from engine.results.fill_checks import execution
from engine.results.order_audit import count_orders, is_market
from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies._backtrader import SignalStrategy
from strategies.threshold import Threshold

FREE = BrokerSpec(cash=100_000.0, commission=0.0, slippage=0.0)
FLAT = (100.0, 100.0, 100.0, 100.0)


def order(kind, value=0.02, bars=1):
    return {"kind": kind, "offset": {"kind": "percent", "value": value}, "bars": bars}


def task(rows, signal, entry_order, broker=FREE, **risk):
    """One symbol: rows of open, high, low and close, and the prediction at each."""
    times = pd.bdate_range("2024-01-01", periods=len(rows), tz="UTC") + pd.Timedelta("21h")
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=times, dtype=float).assign(volume=1e6)
    prediction = np.asarray(signal, dtype=float)[:, None]
    confidence = np.where(np.isnan(prediction), np.nan, 1.0)
    signals = SignalFrame(times, ("x",), prediction, confidence, np.zeros(len(rows), int))
    market = Market({"x": Bars.of("x", frame)}, ("x",), "x", "UTC")
    strategy = Threshold.parse({"entry": 0.5, "exit": 0.5, "entry_order": entry_order})
    return BacktestInput.of(market, signals, strategy, RiskSpec.parse(risk), broker, "0" * 12)


def run(rows, signal, entry_order, broker=FREE, **risk):
    return engine.run_task(task(rows, signal, entry_order, broker, **risk))


def fills(result):
    """(bar, kind, side, price) of each fill."""
    bars = result.positions.index.get_indexer(result.fills["time"])
    sides = np.sign(result.fills["size"]).astype(int)
    return list(zip(bars.tolist(), result.fills["kind"], sides.tolist(), result.fills["price"], strict=True))


# Decided at the close of bar 0, at 100; the next bar decides what happens.
LIMIT_AT_98 = [
    ((99.0, 99.5, 98.5, 99.0), None),  # never as low as 98
    ((99.0, 99.5, 98.0, 99.0), 98.0),  # touched
    ((99.0, 99.5, 97.0, 99.0), 98.0),  # passed within the bar
    ((97.0, 99.5, 96.0, 99.0), 97.0),  # gapped through: at the open, which is better
]
STOP_AT_102 = [
    ((101.0, 101.5, 100.0, 101.0), None),
    ((101.0, 102.0, 100.0, 101.0), 102.0),
    ((101.0, 105.0, 100.0, 101.0), 102.0),
    ((104.0, 105.0, 103.0, 104.0), 104.0),  # gapped through: at the open, which is worse
]


@pytest.mark.parametrize(("bar", "price"), LIMIT_AT_98)
def test_a_buy_limit_fills_at_its_price_or_better(bar, price):
    result = run([FLAT, bar, FLAT], [1, np.nan, np.nan], order("limit"))
    assert fills(result) == ([] if price is None else [(1, "limit", 1, price)])


@pytest.mark.parametrize(("bar", "price"), LIMIT_AT_98)
def test_a_sell_limit_is_its_mirror(bar, price):
    opened, high, low, close = bar
    result = run([FLAT, (200 - opened, 200 - low, 200 - high, 200 - close), FLAT], [-1, np.nan, np.nan], order("limit"))
    assert fills(result) == ([] if price is None else [(1, "limit", -1, 200 - price)])


@pytest.mark.parametrize(("bar", "price"), STOP_AT_102)
def test_a_buy_stop_fills_at_its_price_or_worse(bar, price):
    result = run([FLAT, bar, FLAT], [1, np.nan, np.nan], order("stop"))
    assert fills(result) == ([] if price is None else [(1, "stop", 1, price)])


@pytest.mark.parametrize(("bar", "price"), STOP_AT_102)
def test_a_sell_stop_is_its_mirror(bar, price):
    opened, high, low, close = bar
    result = run([FLAT, (200 - opened, 200 - low, 200 - high, 200 - close), FLAT], [-1, np.nan, np.nan], order("stop"))
    assert fills(result) == ([] if price is None else [(1, "stop", -1, 200 - price)])


DIP = (100.0, 100.0, 97.0, 100.0)


@pytest.mark.parametrize(("bars", "filled"), [(1, False), (2, False), (3, True), (4, True)])
def test_an_order_lives_for_its_bars(bars, filled):
    result = run([FLAT, FLAT, FLAT, DIP, FLAT, FLAT], [1] + [np.nan] * 5, order("limit", bars=bars))
    assert fills(result) == ([(3, "limit", 1, 98.0)] if filled else [])
    row = result.orders.iloc[0]
    if not filled:
        plural = "" if bars == 1 else "s"
        assert (row["status"], row["reason"]) == (
            "cancelled",
            f"expired: its price was not reached in {bars} bar{plural}",
        )


def test_an_order_is_kept_while_the_rule_wants_it_and_renewed_at_its_end():
    falling = [(price, price, price, price) for price in (100.0, 99.9, 99.8, 99.7, 99.6)]
    result = run(falling, [1] * 5, order("limit", bars=2))
    assert result.orders["created_at"].dt.day.tolist() == [1, 3, 5]
    assert result.orders["status"].tolist() == ["cancelled", "cancelled", "pending"]


def test_a_rule_that_wants_out_takes_the_order_back():
    result = run([FLAT, FLAT, DIP, FLAT], [1, 0, np.nan, np.nan], order("limit", bars=3))
    assert fills(result) == []
    assert result.orders["reason"].tolist() == ["cancelled before it was filled"]


def test_a_rule_that_turns_sends_the_other_order():
    result = run([FLAT, FLAT, (100.0, 103.0, 97.0, 100.0), FLAT], [1, -1, np.nan, np.nan], order("limit", bars=3))
    assert fills(result) == [(2, "limit", -1, 102.0)]


def test_a_reversal_closes_at_the_open_and_waits_to_enter():
    rows = [FLAT, DIP, FLAT, (100.0, 103.0, 100.0, 100.0)]
    result = run(rows, [1, -1, np.nan, np.nan], order("limit", bars=3))
    assert fills(result) == [(1, "limit", 1, 98.0), (2, "market", -1, 100.0), (3, "limit", -1, 102.0)]
    assert result.trades["entry_reason"].tolist() == ["signal", "signal"]


def test_size_and_bracket_follow_from_the_order_s_own_price():
    rows = [FLAT, (100.0, 100.0, 90.0, 100.0), (100.0, 100.0, 90.0, 100.0), FLAT]
    stop = {"kind": "percent", "value": 0.05}
    result = run(rows, [1, np.nan, np.nan, np.nan], order("limit"), stop=stop)
    entry, protection = result.orders.iloc[0], result.orders.iloc[1]
    assert entry["filled"] == pytest.approx(2_000.0 / 98.0)
    # The stop lies 5 % below 98, not below 100; it does not act in the bar of the entry.
    assert fills(result) == [(1, "limit", 1, 98.0), (2, "stop", -1, pytest.approx(93.1))]
    assert protection["kind"] == "stop"
    assert result.stops["stop_price"].tolist() == [pytest.approx(93.1)]
    assert result.trades["exit_reason"].tolist() == ["stop"]


def test_an_open_beyond_the_stop_cancels_the_entry():
    rows = [FLAT, (90.0, 91.0, 89.0, 90.0), FLAT]
    result = run(rows, [1, np.nan, np.nan], order("limit"), stop={"kind": "percent", "value": 0.05})
    assert fills(result) == []
    assert result.orders["reason"].iloc[0] == "stop_passed: the market was at 90, the stop at 93.1"
    assert result.orders["reason"].iloc[1] == "its entry was not filled"


def test_the_cap_holds_at_a_fill_through_a_gap():
    rows = [FLAT, (120.0, 121.0, 119.0, 120.0), FLAT]
    result = run(rows, [1, np.nan, np.nan], order("stop"), base=0.05, cap=0.05)
    assert result.orders["share_at_fill"].iloc[0] == pytest.approx(0.05)
    assert result.orders["reason"].iloc[0].startswith("cap at the fill")


def test_slippage_stops_at_a_limit_and_worsens_a_stop():
    broker = BrokerSpec(cash=100_000.0, commission=0.0, slippage=0.01)
    through = (97.5, 99.5, 96.0, 99.0)
    assert fills(run([FLAT, through, FLAT], [1, np.nan, np.nan], order("limit"), broker))[0][3] == 98.0
    up = (101.0, 105.0, 100.0, 101.0)
    assert fills(run([FLAT, up, FLAT], [1, np.nan, np.nan], order("stop"), broker))[0][3] == pytest.approx(103.02)


def test_the_audit_counts_them_as_entries_and_finds_their_fills_possible():
    rows = [FLAT, DIP, FLAT, FLAT]
    backtest = task(rows, [1, np.nan, 0, np.nan], order("limit", bars=2), stop={"kind": "percent", "value": 0.05})
    result = engine.run_task(backtest)
    assert is_market(result.orders).tolist() == [True, False, True]
    assert count_orders(result.orders).brackets == {"stop cancelled": 1}
    assert execution(result, backtest.market, FREE).status == "clean"


def test_a_multiple_of_the_average_true_range_waits_for_it():
    rows = [(100.0, 101.0, 99.0, 100.0)] * 5
    offset = {"kind": "atr", "window": 2, "multiple": 0.5}
    result = run(rows, [1] * 5, {"kind": "limit", "offset": offset, "bars": 1})
    assert result.orders["reason"].tolist()[:2] == ["no entry price yet: its average true range needs more bars"] * 2
    assert fills(result)[0] == (3, "limit", 1, 99.0)


def test_what_cannot_be_is_refused():
    for wrong in (
        {"kind": "limit"},
        {"kind": "close", "offset": {"kind": "percent", "value": 0.01}},
        {"kind": "close", "bars": 2},
        {"kind": "open"},
        order("limit", value=0),
        order("limit", bars=0),
    ):
        with pytest.raises(ValidationError):
            Threshold.parse({"entry_order": wrong})
    assert "entry_order" not in Threshold().dump()
    assert Threshold.parse({"entry_order": order("stop")}).dump()["entry_order"]["kind"] == "stop"


def plain_run(spec, **terms):
    """The fills of a strategy in a plain Cerebro, without what the engine hands it."""
    cerebro = bt.Cerebro(stdstats=False)
    frame = pd.DataFrame([FLAT, DIP, FLAT], columns=["open", "high", "low", "close"], dtype=float)
    index = pd.bdate_range("2024-01-01", periods=3)
    cerebro.adddata(SignalFeed(dataname=frame.set_axis(index).assign(prediction=1.0, confidence=1.0), name="x"))
    cerebro.broker = RiskBroker(cash=10_000.0)
    cerebro.addsizer(RiskRuleSizer)
    cerebro.addstrategy(SignalStrategy, spec=spec, **terms)
    cerebro.addanalyzer(RiskAudit, _name="audit")
    return [(row["kind"], row["price"]) for row in cerebro.run()[0].analyzers.audit.get_analysis()["fills"]]


def test_a_plain_cerebro_takes_the_order_of_the_spec_and_asks_for_what_it_needs():
    assert plain_run(Threshold.parse({"entry_order": order("limit")})) == [("limit", 98.0)]
    atr = {"kind": "limit", "offset": {"kind": "atr", "window": 2}}
    with pytest.raises(ConfigError, match="give the parameter `offsets`"):
        plain_run(Threshold.parse({"entry_order": atr}))
    with pytest.raises(ConfigError, match=r"filters its entries .* give the parameter `entries`"):
        plain_run(Threshold(warmup=1))
    assert plain_run(Threshold(warmup=1), entries={"x": [False, True, True]}) == [("market", 100.0)]
