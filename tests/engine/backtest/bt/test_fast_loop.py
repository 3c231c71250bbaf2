"""The lean loop of backtrader against its plain one: equal tables, bit for bit; and when it is used."""

import gc
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import backtrader as bt
import pandas as pd
import pytest
from random_cases import case

from core.errors import PluginError
from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine, fast_loop
from engine.backtest.bt.feed import SignalFeed
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference
from engine.sweep.load_config import load
from risk.bt_adapter import RiskBroker, RiskRuleSizer
from signals.generate import generate
from strategies._backtrader import SignalStrategy
from strategies.threshold import Threshold, target_side


@pytest.fixture
def plain(monkeypatch):
    """Runs a task by the plain loop."""

    def run(task):
        with monkeypatch.context() as patch:
            patch.setattr(fast_loop, "VERSION", "0.0")
            return engine.run_task(task, solvent=False)

    return run


@pytest.mark.slow
def test_random_settings_give_the_same_bits(plain):
    fills = 0
    reasons = set()
    for seed in range(60):
        task = BacktestInput.of(*case(seed, tight=seed % 2 == 0), "x")
        one = plain(task)
        other = engine.run_task(task, solvent=False)
        assert first_difference(one, other) == "", seed
        fills += len(one.fills)
        reasons |= {reason.split(":")[0] for reason in one.orders["reason"]}
    assert fills > 1000
    assert {"not enough cash at submission", "cap at the fill", "stop_passed", "rejected by the broker"} <= reasons


def within_the_day(market, signals, step):
    """The same bars, so far apart, so that interest on shorts is charged at some of them only."""
    times = pd.date_range("2024-01-02 03:00", periods=len(signals.times), freq=step, tz="UTC")
    new = dict(zip(signals.times, times, strict=True))
    bars = {name: Bars.of(name, item.frame.rename(index=new)) for name, item in market.bars.items()}
    moved = SignalFrame(times, signals.symbols, signals.prediction, signals.confidence, signals.fold)
    return Market(bars, tuple(bars), "s0", "UTC"), moved


@pytest.mark.parametrize("step", ["5h", pytest.param("9h", marks=pytest.mark.slow)])
def test_bars_within_the_day_give_the_same_bits(plain, step):
    interest = 0.0
    for seed in range(30):
        market, signals, *rest = case(seed, tight=seed % 2 == 0)
        task = BacktestInput.of(*within_the_day(market, signals, step), *rest, "x")
        one = plain(task)
        other = engine.run_task(task, solvent=False)
        assert first_difference(one, other) == "", seed
        interest += one.costs.query("kind == 'short_interest'")["amount"].sum()
    assert interest > 1.0


def test_real_bars_give_the_same_bits(plain):
    config = load(Path("configs/sma_cross.yaml"), ["data.end=2003-12-31"])
    market = config.data.load()
    signals = generate(market, config.signals).frame
    task = BacktestInput.of(market, signals, config.strategy, config.risk, config.broker, config.id)
    assert first_difference(plain(task), engine.run_task(task)) == ""


def test_the_lean_loop_is_used_with_the_version_that_it_was_compared_with(monkeypatch, caplog):
    assert version("backtrader") == fast_loop.VERSION
    used = []
    for kind in (fast_loop.LeanStrategy, SignalStrategy):
        monkeypatch.setattr(kind, "start", lambda self, kind=kind: used.append(kind))
    task = BacktestInput.of(*case(1), "x")
    engine.run_task(task, solvent=False)
    assert used == [fast_loop.LeanStrategy]
    monkeypatch.setattr(fast_loop, "version", lambda name: "1.9.79")
    with caplog.at_level("INFO", logger="engine"):
        engine.run_task(task, solvent=False)
    assert used == [fast_loop.LeanStrategy, SignalStrategy]
    assert "its plain loop runs" in caplog.text


class Counting(Threshold):
    """A rule that writes down what it is asked, and fails on demand."""

    calls: ClassVar[list] = []
    fails_at: ClassVar[int] = 10**9

    @staticmethod
    def rule(prediction, confidence, side, held, p):
        p.calls.append((prediction, confidence, side, held))
        if len(p.calls) == p.fails_at:
            raise ZeroDivisionError("by design")
        return target_side(prediction, confidence, side, held, p)


@pytest.fixture
def counted(plain, monkeypatch):
    """Runs the counting rule by both loops: what each asked, and what it raised."""

    def run(seed, fails_at=10**9):
        market, signals, _, risk, broker = case(seed)
        monkeypatch.setattr(Counting, "fails_at", fails_at)
        outcomes = []
        for loop in (plain, lambda task: engine.run_task(task, solvent=False)):
            monkeypatch.setattr(Counting, "calls", [])
            error = ""
            try:
                loop(BacktestInput.of(market, signals, Counting(), risk, broker, "x"))
            except PluginError as failure:
                error = str(failure)
            outcomes.append((Counting.calls, error))
        return outcomes

    return run


@pytest.mark.slow
def test_the_rule_is_asked_the_same_questions_once_each(counted):
    calls = 0
    for seed in range(12):
        one, other = counted(seed)
        assert one == other
        calls += len(one[0])
    assert calls > 500


def test_a_rule_that_fails_is_told_in_the_same_words(counted):
    one, other = counted(seed=2, fails_at=9)
    assert one == other
    assert "its rule failed on s" in one[1]
    assert "by design" in one[1]


class Listening(SignalStrategy):
    """Writes down what backtrader tells a strategy."""

    def __init__(self):
        super().__init__()
        self.news = []

    def notify_order(self, order):
        self.news.append((order.ref, order.getstatusname()))

    def notify_trade(self, trade):
        self.news.append(("trade", trade.isclosed))


def told_by_backtrader():
    market, signals, *_ = case(3, rules=("threshold",))
    frame = market.bars["s0"].frame.tz_localize(None).assign(prediction=signals.prediction[:, 0])
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker = RiskBroker(cash=10_000.0)
    cerebro.addsizer(RiskRuleSizer)
    cerebro.adddata(SignalFeed(dataname=frame.assign(confidence=1.0 + 0.0 * frame["prediction"])), name="s0")
    cerebro.addstrategy(Listening)
    news = cerebro.run()[0].news
    first = min(ref for ref, _ in news if ref != "trade")
    return [(ref if ref == "trade" else ref - first, what) for ref, what in news]


def test_a_script_of_ones_own_is_told_everything_beside_the_lean_loop():
    before = told_by_backtrader()
    engine.run_task(BacktestInput.of(*case(1), "x"), solvent=False)
    assert told_by_backtrader() == before
    words = [what for ref, what in before if ref != "trade"]
    assert words.count("Submitted") == words.count("Accepted") == words.count("Completed") > 5
    assert {what for ref, what in before if ref == "trade"} == {True, False}


def test_backtrader_itself_is_left_alone():
    engine.run_task(BacktestInput.of(*case(1), "x"), solvent=False)
    assert bt.Cerebro._runonce.__module__ == "backtrader.cerebro"
    assert bt.order.BuyOrder.__init__.__module__ == "backtrader.order"
    assert bt.brokers.BackBroker.notify.__module__ == "backtrader.brokers.bbroker"


def test_the_garbage_collector_is_on_again_after_a_run():
    engine.run_task(BacktestInput.of(*case(1), "x"), solvent=False)
    assert gc.isenabled()
