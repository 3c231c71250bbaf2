"""Entries after a position: bars worked by hand, and a cross with a bracket as stock backtrader trades it."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies._reentry import bars_to_wait, gated, side_left
from strategies.threshold import Threshold
from strategies.time_exit import TimeExit

STOP = {"kind": "percent", "value": 0.05}
FREE = BrokerSpec(cash=100_000.0, commission=0.0, slippage=0.0)


def run(frame, prediction, strategy, **risk):
    """The trades of one symbol."""
    bars = Bars.of("x", frame)
    column = np.asarray(prediction, dtype=float)[:, None]
    confidence = np.where(np.isnan(column), np.nan, 1.0)
    signals = SignalFrame(bars.times, ("x",), column, confidence, np.zeros(len(column), int))
    market = Market({"x": bars}, ("x",), "x", "UTC")
    return engine.run(market, signals, strategy, RiskSpec.parse(risk), FREE, "0" * 12).trades


def flat_bars(lows):
    """Bars at 100 with these lows."""
    times = pd.bdate_range("2024-01-01", periods=len(lows), tz="UTC") + pd.Timedelta("21h")
    return pd.DataFrame({"open": 100.0, "high": 100.0, "low": lows, "close": 100.0, "volume": 1e6}, index=times)


def entry_bars(trades, frame):
    """The bars of the entries, counted from 0."""
    return frame.index.get_indexer(trades["entered_at"]).tolist()


# The signal of bar 0 fills at bar 1, whose stop acts from bar 2 on: it fills at bar 2.
LOWS = [100.0, 100.0, 90.0] + [100.0] * 9
#        0  1  2  3  4  5  6  7 ...: the signal ends at bar 5 and begins again at bar 7.
SIGNAL = [1, 1, 1, 1, 1, 0, -1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("reenter", "entries"),
    [
        ("always", [1, 3, 8]),  # the close of bar 2 enters again at bar 3, bar 5 leaves, bar 7 enters at bar 8
        ("new_signal", [1, 8]),
        ({"after": 1}, [1, 4, 8]),  # flat closes 2; 3 may; left at 6: 6 is barred, 7 may
        ({"after": 2}, [1, 5, 9]),
        ({"after": 5}, [1, 8]),  # closes 2 to 6 are barred
        ({"after": 6}, [1, 9]),
    ],
)
def test_a_stopped_position_by_hand(reenter, entries):
    frame = flat_bars(LOWS)
    trades = run(frame, SIGNAL, Threshold(entry=0.5, exit=0.5, side="long", reenter=reenter), stop=STOP)
    assert entry_bars(trades, frame) == entries


def test_a_time_exit_waits_for_a_new_signal_of_its_rule_from_flat():
    frame = flat_bars([100.0] * 12)
    signal = [1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
    strategy = TimeExit(entry=0.5, bars=2, side="long")
    assert entry_bars(run(frame, signal, strategy), frame) == [1, 4, 8, 11]
    assert entry_bars(run(frame, signal, TimeExit(entry=0.5, bars=2, side="long", reenter="new_signal")), frame) == [
        1,
        8,
    ]


def test_a_bar_without_an_opinion_ends_no_signal():
    frame = flat_bars(LOWS)
    signal = [1, 1, 1, np.nan, 1, 1, 0, 1, 1, 1, 1, 1]
    trades = run(frame, signal, Threshold(entry=0.5, exit=0.5, side="long", reenter="new_signal"), stop=STOP)
    assert entry_bars(trades, frame) == [1, 8]


def test_a_reversal_is_an_entry_on_a_side_of_its_own():
    frame = flat_bars([100.0] * 8)
    signal = [1, 1, -1, -1, -1, -1, -1, -1]
    new = run(frame, signal, Threshold(entry=0.5, exit=0.5, reenter="new_signal"))
    assert entry_bars(new, frame) == [1, 3]
    # With a pause, the position is only closed, at bar 3, and closes 3 and 4 are barred.
    assert entry_bars(run(frame, signal, Threshold(entry=0.5, exit=0.5, reenter={"after": 2})), frame) == [1, 6]


class StockCross(bt.Strategy):
    """A cross with a bracket, as backtrader's users write it: an entry at each cross, out at the cross back."""

    def __init__(self):
        self.orders = []
        self.fills = []

    def notify_order(self, order):
        if order.status == order.Completed:
            self.fills.append((bt.num2date(order.executed.dt).date(), order.isbuy(), order.executed.price))

    def next(self):
        above, before = self.data.openinterest[0] > 0, self.data.openinterest[-1] > 0
        close = self.data.close[0]
        if not self.position and above and not before:
            self.orders = self.buy_bracket(
                size=1.0,
                exectype=bt.Order.Market,
                stopprice=close - close * 0.04,
                limitprice=close + close * 0.06,
            )
        elif self.position and not above:
            for order in self.orders:
                self.cancel(order)
            self.close()


def stock_fills(frame, signal):
    """The fills of the same strategy on stock backtrader."""
    cerebro = bt.Cerebro(stdstats=False)
    naive = frame.set_axis(frame.index.tz_localize(None).normalize()).assign(openinterest=signal)
    cerebro.adddata(bt.feeds.PandasData(dataname=naive))
    cerebro.addstrategy(StockCross)
    return cerebro.run()[0].fills


def random_walk(seed, days=600):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, days)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, 0.004, days))
    high = np.maximum(opened, close) * 1.004
    low = np.minimum(opened, close) * 0.996
    times = pd.bdate_range("2020-01-01", periods=days, tz="UTC") + pd.Timedelta("21h")
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1e6}, index=times)
    above = frame["close"].rolling(5).mean() > frame["close"].rolling(20).mean()
    return frame, np.where(above.to_numpy(), 1.0, -1.0)


@pytest.mark.parametrize("seed", range(8))
def test_a_cross_with_a_bracket_trades_as_on_stock_backtrader(seed):
    frame, signal = random_walk(seed)
    risk = {"stop": {"kind": "percent", "value": 0.04}, "take_profit": {"kind": "percent", "value": 0.06}, "cap": 0.5}
    strategy = Threshold(entry=0.5, exit=0.5, side="long", reenter="new_signal")
    trades = run(frame, signal, strategy, **risk)
    ours = [(t.entered_at.date(), True, t.entry_price) for t in trades.itertuples()]
    ours += [(t.exited_at.date(), False, t.exit_price) for t in trades.itertuples() if not pd.isna(t.exited_at)]
    stock = stock_fills(frame, signal)
    assert sorted(day for day, *_ in ours) == sorted(day for day, *_ in stock)
    for (day, buys, price), other in zip(sorted(ours), sorted(stock), strict=True):
        assert (day, buys) == other[:2]
        assert price == pytest.approx(other[2], rel=1e-12)
    assert len(trades) > 8
    free = run(frame, signal, Threshold(entry=0.5, exit=0.5, side="long"), **risk)
    assert len(free) > len(trades)


def test_the_default_writes_nothing_and_the_others_read_back():
    assert "reenter" not in Threshold().dump()
    for reenter in ("new_signal", {"after": 5}):
        assert Threshold(reenter=reenter).dump()["reenter"] == reenter
    for wrong in ("never", {"after": 0}, {"bars": 3}, 5):
        with pytest.raises(ValidationError):
            Threshold.parse({"reenter": wrong})


def test_the_functions_by_hand():
    p = Threshold(reenter={"after": 2})
    assert [side_left(last, side) for last, side in ((0, 1), (1, 0), (1, -1))] == [1, 1, -1]
    assert [bars_to_wait(wait, side, p) for wait, side in ((0, 1), (3, 0), (1, 0), (0, 0))] == [3, 2, 0, 0]
    cases = ((1, 1, 3), (-1, 1, 3), (1, 0, 1), (1, 0, 0))
    assert [gated(target, side, 0, wait, p) for target, side, wait in cases] == [1, 0, 0, 1]
