"""Entries at the next close, on bars worked by hand, and trade by trade against stock backtrader."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from random_cases import random_bars

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
from strategies.base import Decision, Strategy, View
from strategies.rank import Rank
from strategies.threshold import Threshold

FREE = BrokerSpec(cash=100_000.0, commission=0.0, slippage=0.0)
FLAT = (100.0, 100.0, 100.0, 100.0)
RISE = (101.0, 106.0, 99.0, 104.0)
NAN = float("nan")
CLOSE = {"kind": "close"}
DAYS = pd.bdate_range("2024-01-01", periods=12, tz="UTC") + pd.Timedelta("21h")
HOURS = pd.DatetimeIndex([day + pd.Timedelta(hours=hour) for day in DAYS[:4].normalize() for hour in (15, 16, 17)])
"""Three hours of each of four sessions."""
COSTLESS = {"commission": 0.0, "slippage": 0.0, "short_interest": 0.0}


def bars_of(name, rows, times, volume=1e6):
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=times, dtype=float)
    return Bars.of(name, frame.assign(volume=volume))


def task_of(bars, words, strategy, risk, broker=FREE):
    """Words by symbol: the prediction at each step; 1 is long, -1 short, 0 flat, NaN no opinion."""
    market = Market(bars, tuple(bars), next(iter(bars)), "UTC")
    prediction = np.column_stack([np.asarray(words[symbol], dtype=float) for symbol in bars])
    confidence = np.where(np.isnan(prediction), NAN, 1.0)
    signals = SignalFrame(market.times, tuple(bars), prediction, confidence, np.zeros(len(market.times), int))
    return BacktestInput.of(market, signals, strategy, RiskSpec.parse(risk), broker, "0" * 12)


def follows(**keys):
    return Threshold.parse({"entry": 0.5, "exit": 0.5, "entry_order": CLOSE, **keys})


def task(rows, words, broker=FREE, times=DAYS, volume=1e6, **risk):
    """One symbol."""
    bars = {"x": bars_of("x", rows, times[: len(rows)], volume)}
    return task_of(bars, {"x": [*words, *[NAN] * (len(rows) - len(words))]}, follows(), risk, broker)


def run(rows, words, broker=FREE, **terms):
    return engine.run_task(task(rows, words, broker, **terms))


def fills(result):
    """(bar, kind, units, price) of each fill."""
    bars = result.positions.index.get_indexer(result.fills["time"])
    units = result.fills["size"].round(6)
    return list(zip(bars.tolist(), result.fills["kind"], units, result.fills["price"].round(6), strict=True))


# --- when, at which price, how many


def test_it_fills_at_the_close_of_the_next_bar_with_the_size_of_the_decision():
    # 2 % of 100,000 at the close of the decision, 100: 20 units, at whatever price they fill.
    assert fills(run([FLAT, RISE, FLAT], [1])) == [(1, "close", 20.0, 104.0)]
    assert fills(run([FLAT, RISE, FLAT], [-1])) == [(1, "close", -20.0, 104.0)]


def test_the_position_counts_from_that_close_on():
    result = run([FLAT, RISE, (110.0, 110.0, 110.0, 110.0)], [1])
    assert result.positions["x"].tolist() == [0, 20, 20]
    assert result.equity["equity"].tolist() == [100_000.0, 100_000.0, 100_000.0 + 20 * 6.0]


def test_a_rule_sees_the_position_at_the_close_of_its_fill_and_leaves_at_the_next_open():
    rows = [FLAT, RISE, (103.0, 108.0, 103.0, 107.0), FLAT]
    assert fills(run(rows, [1, 0])) == [(1, "close", 20.0, 104.0), (2, "market", -20.0, 103.0)]


def test_a_reversal_closes_at_the_open_and_enters_at_the_close_of_the_same_bar():
    rows = [FLAT, FLAT, (98.0, 99.0, 94.0, 95.0), FLAT]
    result = run(rows, [1, -1])
    assert fills(result) == [(1, "close", 20.0, 100.0), (2, "market", -20.0, 98.0), (2, "close", -20.0, 95.0)]
    assert result.trades["exit_reason"].tolist() == ["signal", "open"]


def test_a_gap_is_cut_to_the_cap_at_the_fill():
    # 5 % of 100,000 at 100 are 50 units; at 125 the cap of 5 % leaves room for 40.
    result = run([FLAT, (100.0, 125.0, 100.0, 125.0), FLAT], [1], base=0.05)
    assert fills(result) == [(1, "close", 40.0, 125.0)]
    order = result.orders.iloc[0]
    assert (order["asked"], order["trimmed"]) == pytest.approx((50.0, 10.0))
    assert order["reason"].startswith("cap at the fill")
    assert order["share_at_fill"] == pytest.approx(0.05)


def test_the_account_of_the_cap_is_that_at_the_closes_not_at_the_open():
    # x: half of 10,000 at 100. In the bar of y's fill x opens at 100 and closes at 200: the account is 15,000, and
    # y, at 50, may have the 100 units that it asks for, half of 10,000; at the open's 10,000 it would be the cap.
    x = bars_of("x", [FLAT, FLAT, (100.0, 200.0, 100.0, 200.0), FLAT], DAYS[:4])
    y = bars_of("y", [(50.0, 50.0, 50.0, 50.0)] * 4, DAYS[:4])
    words = {"x": [1, NAN, NAN, NAN], "y": [NAN, 1, NAN, NAN]}
    risk = {"base": 0.5, "cap": 0.5, "limits": {"gross": 1.0}}
    result = engine.run_task(task_of({"x": x, "y": y}, words, follows(), risk, BrokerSpec(cash=10_000.0, **COSTLESS)))
    assert fills(result) == [(1, "close", 50.0, 100.0), (2, "close", 100.0, 50.0)]
    assert result.orders["share_at_fill"].tolist() == pytest.approx([0.5, 5_000.0 / 15_000.0])


def test_it_pays_slippage_within_the_bar_and_commission():
    broker = BrokerSpec(cash=100_000.0, commission=0.001, slippage=0.01)
    result = run([FLAT, RISE, FLAT], [1], broker)
    assert fills(result) == [(1, "close", 20.0, 104.0 * 1.01)]
    assert result.fills["commission"].tolist() == pytest.approx([0.001 * 20 * 105.04])
    slippage = result.costs[result.costs["kind"] == "slippage"]
    assert slippage["amount"].tolist() == pytest.approx([20 * 1.04])
    inside = broker.model_copy(update={"slip_out": False})
    top = (101.0, 104.0, 99.0, 104.0)  # closes at its high: there is nowhere to slip to
    assert fills(run([FLAT, top, FLAT], [1], inside)) == [(1, "close", 20.0, 104.0)]
    assert fills(run([FLAT, (100.0, 100.0, 98.0, 98.0), FLAT], [-1], inside)) == [(1, "close", -20.0, 98.0)]


def test_its_impact_is_that_of_the_bar_s_volume_and_without_volume_it_is_rejected():
    impact = {"kind": "volume_share", "coefficient": 0.1, "limit": 0.5}
    broker = BrokerSpec.parse({"cash": 100_000.0, **COSTLESS, "impact": impact})
    # 20 of 100 units: 0.1 x 0.2 x 0.2 = 0.4 %.
    assert fills(run([FLAT, RISE, FLAT], [1], broker, volume=100.0)) == [(1, "close", 20.0, 104.416)]
    result = run([FLAT, RISE, FLAT], [1], broker, volume=[100.0, 0.0, 100.0])
    assert fills(result) == []
    assert result.orders["reason"].iloc[0].startswith("share of volume at the fill")


# --- stop and target


def test_a_close_beyond_the_stop_or_the_target_cancels_it():
    stop = {"kind": "percent", "value": 0.03}
    result = run([FLAT, (100.0, 100.0, 95.0, 96.0), FLAT], [1], stop=stop)
    assert fills(result) == []
    assert result.orders["reason"].tolist() == [
        "stop_passed: the market was at 96, the stop at 97",
        "its entry was not filled",
    ]
    result = run([FLAT, RISE, FLAT], [1], take_profit=stop)
    assert result.orders["reason"].iloc[0] == "target_passed: the market was at 104, the target at 103"
    result = run([FLAT, RISE, FLAT], [-1], stop=stop)
    assert result.orders["reason"].iloc[0] == "stop_passed: the market was at 104, the stop at 103"


def test_an_open_and_a_low_beyond_the_stop_do_not_count_before_the_close():
    rows = [FLAT, (90.0, 101.0, 80.0, 100.0), FLAT, FLAT]
    result = run(rows, [1], stop={"kind": "percent", "value": 0.05}, take_profit={"kind": "percent", "value": 0.005})
    assert fills(result) == [(1, "close", 20.0, 100.0)]
    # Nothing of the bar lies after the entry but its close.
    assert result.stops[["bar_extreme", "bar_close"]].to_numpy().tolist() == [[100.0, 100.0]]


def test_the_bracket_begins_with_the_bar_after_the_fill():
    rows = [FLAT, FLAT, (99.0, 99.0, 94.0, 94.0), FLAT]
    result = run(rows, [1], stop={"kind": "percent", "value": 0.05})
    assert fills(result) == [(1, "close", 20.0, 100.0), (2, "stop", -20.0, 95.0)]
    rows = [FLAT, FLAT, (90.0, 90.0, 90.0, 90.0), FLAT]  # gapped through overnight
    result = run(rows, [1], stop={"kind": "percent", "value": 0.05})
    assert fills(result)[1] == (2, "stop", -20.0, 90.0)


def test_a_trailing_stop_starts_at_the_close_of_the_decision():
    rows = [FLAT, RISE, (104.0, 104.0, 96.0, 96.0), FLAT]
    result = run(rows, [1], stop={"kind": "trail_percent", "value": 0.05})
    # 95 from the decision's close of 100; the close of 104 was before the entry. From 96 on it would be lower still.
    assert result.stops["stop_price"].tolist() == [95.0]
    assert fills(result) == [(1, "close", 20.0, 104.0)]


def test_stops_of_the_bar_come_before_entries_at_its_close():
    # y's stop frees the place that x takes at the same close.
    x = bars_of("x", [FLAT] * 4, DAYS[:4])
    y = bars_of("y", [FLAT, FLAT, (100.0, 100.0, 90.0, 90.0), FLAT], DAYS[:4])
    words = {"x": [NAN, 1, NAN, NAN], "y": [1, NAN, NAN, NAN]}
    risk = {"stop": {"kind": "percent", "value": 0.05}, "limits": {"positions": 2, "gross": 0.05}, "cap": 0.04}
    result = engine.run_task(task_of({"x": x, "y": y}, words, follows(), risk))
    assert [(row.symbol, row.kind) for row in result.fills.itertuples()] == [
        ("y", "close"),
        ("y", "stop"),
        ("x", "close"),
    ]


# --- bars and sessions


def test_on_bars_within_the_day_it_is_the_close_of_the_next_bar_whatever_the_session():
    rows = [(100.0 + bar, 101.0 + bar, 99.0 + bar, 100.5 + bar) for bar in range(12)]
    # At the second bar, at the last of a session, and at the last of all.
    words = [NAN, 1, NAN, NAN, 0, -1, NAN, 0, NAN, NAN, NAN, 1]
    result = run(rows, words, times=HOURS)
    assert [(bar, kind, price) for bar, kind, _, price in fills(result)] == [
        (2, "close", 102.5),
        (5, "market", 105.0),
        (6, "close", 106.5),
        (8, "market", 108.0),
    ]
    assert result.orders[["status", "reason"]].iloc[-1].tolist() == ["pending", "no later bar of x"]


def test_a_symbol_without_a_bar_waits_for_its_next():
    x = bars_of("x", [FLAT, FLAT, FLAT, FLAT], DAYS[:4])
    y = bars_of("y", [FLAT, RISE], DAYS[[0, 3]])
    words = {"x": [NAN] * 4, "y": [1, NAN, NAN, NAN]}
    assert fills(engine.run_task(task_of({"x": x, "y": y}, words, follows(), {}))) == [(3, "close", 20.0, 104.0)]


def test_cross_sectional_rules_enter_with_it_too():
    words = {"x": [0.02, NAN, NAN], "y": [0.01, NAN, NAN]}
    bars = {symbol: bars_of(symbol, [FLAT, RISE, FLAT], DAYS[:3]) for symbol in words}
    result = engine.run_task(task_of(bars, words, Rank(top=1, bottom=1, entry_order=CLOSE), {}))
    assert [(row.symbol, row.kind, row.size) for row in result.fills.itertuples()] == [
        ("x", "close", 20.0),
        ("y", "close", -20.0),
    ]


def test_reentry_waits_as_after_any_position():
    rows = [FLAT, FLAT, (99.0, 99.0, 94.0, 100.0), FLAT, FLAT, FLAT]
    words = [1] * 6
    risk = {"stop": {"kind": "percent", "value": 0.05}}
    bars = {"x": bars_of("x", rows, DAYS[:6])}
    kinds = {
        "always": ["close", "stop", "close"],
        "new_signal": ["close", "stop"],
    }
    for reenter, expected in kinds.items():
        result = engine.run_task(task_of(bars, {"x": words}, follows(reenter=reenter), risk))
        assert result.fills["kind"].tolist() == expected


# --- views, targets, audit


VIEWS: list[View] = []


def watches(view, p):
    VIEWS.append(view)
    return Decision(view.prediction)


class Watches(Strategy):
    """Keeps what it is shown."""

    rule = staticmethod(watches)


def test_a_view_knows_the_position_from_its_first_close():
    VIEWS.clear()
    bars = {"x": bars_of("x", [FLAT, RISE, RISE, RISE], DAYS[:4])}
    engine.run_task(task_of(bars, {"x": [1, 1, 1, 1]}, Watches(entry_order=CLOSE), {}))
    first = VIEWS[1]
    assert (first.side, first.held, first.waiting, first.entry_price) == (1, 1, 0, 104.0)
    assert (first.unrealised, first.best, first.worst) == (0.0, 0.0, 0.0)  # the high of 106 was before
    assert VIEWS[2].best == pytest.approx(2.0 / 104.0)


def test_scaling_stays_at_the_next_open():
    rows = [FLAT, FLAT, FLAT, RISE, FLAT]
    bars = {"x": bars_of("x", rows, DAYS[:5])}
    result = engine.run_task(task_of(bars, {"x": [0.5, 0.5, 1.0, 1.0, 1.0]}, Watches(entry_order=CLOSE), {}))
    assert fills(result) == [(1, "close", 10.0, 100.0), (3, "market", 10.0, 101.0)]


def test_the_audit_counts_it_as_an_entry_and_holds_its_price_to_the_close():
    backtest = task([FLAT, RISE, FLAT, FLAT], [1, 0], stop={"kind": "percent", "value": 0.05})
    result = engine.run_task(backtest)
    assert is_market(result.orders).tolist() == [True, False, True]
    assert count_orders(result.orders).brackets == {"stop cancelled": 1}
    assert execution(result, backtest.market, FREE).status == "clean"
    result.fills.loc[0, "price"] = 101.0  # the open, inside the bar
    check = execution(result, backtest.market, FREE)
    assert check.status == "leak"
    assert "is filled at 101, not at the bar's close of 104" in check.detail


# --- stock backtrader


class Plain(bt.Strategy):
    """Entries at the close, exits at the open, as anyone writes them; a stop and a target by hand."""

    params = (("words", ()), ("share", 0.02), ("stop", None), ("target", None))

    def __init__(self):
        self.filled = []
        self.children = []

    def notify_order(self, order):
        if order.status == order.Completed:
            row = (len(self), order.getordername(), round(order.executed.size, 9), round(order.executed.price, 9))
            self.filled.append(row)

    def next(self):
        word = self.p.words[len(self) - 1]
        held = self.position.size
        side = int(held > 0) - int(held < 0)
        if np.isnan(word) or word == side:
            return
        for child in self.children:
            self.cancel(child)
        self.children = []
        if held:
            self.close()
        if word:
            self.enter(word)

    def enter(self, word):
        close = self.data.close[0]
        units = self.broker.getvalue() * self.p.share / close
        send, protect = (self.buy, self.sell) if word > 0 else (self.sell, self.buy)
        entry = send(size=units, exectype=bt.Order.Close, transmit=self.p.stop is None)
        if self.p.stop is not None:
            stop, target = (close * (1 - word * self.p.stop), close * (1 + word * self.p.target))
            self.children = [
                protect(size=units, exectype=bt.Order.Stop, price=stop, parent=entry, transmit=False),
                protect(size=units, exectype=bt.Order.Limit, price=target, parent=entry, transmit=True),
            ]


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_trades_are_those_of_a_plain_cerebro_with_orders_at_the_close(seed, protected):
    rng = np.random.default_rng(seed)
    times = pd.bdate_range("2024-01-01", periods=150, tz="UTC") + pd.Timedelta("21h")
    bars = random_bars("x", times, rng, gaps=False)
    words = rng.choice([NAN, NAN, NAN, 1.0, -1.0, 0.0], 150)
    levels = {"stop": 0.15, "target": 0.2} if protected else {}
    risk = {"stop": {"kind": "percent", "value": 0.15}, "take_profit": {"kind": "percent", "value": 0.2}}
    broker = BrokerSpec(cash=100_000.0, commission=0.001, slippage=0.0, short_interest=0.0)
    given = {**(risk if protected else {}), "cap_at": "signal"}
    ours = engine.run_task(task_of({"x": bars}, {"x": words}, follows(), given, broker))
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=bars.frame.tz_localize(None)))
    cerebro.broker.setcash(100_000.0)
    cerebro.broker.setcommission(0.001)
    cerebro.addstrategy(Plain, words=words, **levels)
    stock = cerebro.run()[0]
    reasons = {reason.partition(":")[0] for reason in ours.orders["reason"]}
    assert not reasons & {"stop_passed", "target_passed"}  # stock backtrader enters there nevertheless
    numbered = [(bar + 1, kind.title(), size, price) for bar, kind, size, price in nine_digits(ours)]
    assert numbered == stock.filled
    assert len(numbered) > 30
    assert ours.equity["equity"].iloc[-1] == pytest.approx(stock.broker.getvalue(), rel=1e-12)


def nine_digits(result):
    bars = result.positions.index.get_indexer(result.fills["time"]).tolist()
    table = result.fills
    return zip(bars, table["kind"], table["size"].round(9), table["price"].round(9), strict=True)


@pytest.mark.parametrize("broker", [RiskBroker, bt.brokers.BackBroker])
def test_a_plain_cerebro_fills_it_at_the_next_bar_s_close_within_the_day_too(broker):
    cerebro = bt.Cerebro(stdstats=False)
    rows = [FLAT, RISE, FLAT] * 2
    frame = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=HOURS[:6], dtype=float)
    cerebro.adddata(SignalFeed(dataname=frame.assign(prediction=1.0, confidence=1.0), name="x"))
    cerebro.broker = broker(cash=10_000.0)
    cerebro.addsizer(RiskRuleSizer)
    cerebro.addstrategy(SignalStrategy, spec=Threshold(entry_order=CLOSE))
    cerebro.addanalyzer(RiskAudit, _name="audit")
    filled = cerebro.run()[0].analyzers.audit.get_analysis()["fills"]
    assert [(row["kind"], row["price"], row["time"].hour) for row in filled] == [("close", 104.0, 16)]
