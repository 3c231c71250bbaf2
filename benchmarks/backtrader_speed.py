"""backtrader as it comes, beside the project's backtrader engine, on the same bars, signals and sizes.

    python benchmarks/backtrader_speed.py
    python benchmarks/backtrader_speed.py --rounds 9

*Stock* is what a user of backtrader writes by its documentation: a ``PandasData`` with two more columns, a strategy
with an average true range and a moving average, market orders of the rule's size, the default observers and four
analyzers.
*Ours* is the project's engine: the same rule and sizes, held to the rule at the fill, and every order, fill, trade and
cost written into tables. The final account values must agree before the clock runs. Both take turns; CPU seconds of one
process, medians and quartiles. Busy trading is an order every bar or so, sparse one every ten.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from core.types import Bars, Market, SignalFrame
from engine import bt_engine
from engine.books import Task
from marketdata.data import DataSpec
from risk.costs import BrokerSpec
from risk.sizing import risk_money
from risk.spec import RiskSpec
from strategies.threshold import Threshold

WARM = 30
"""Bars before the first signal: the indicators of the stock strategy need them."""
ENTRIES = {"busy": 0.0, "sparse": 0.021}


class ToldData(bt.feeds.PandasData):
    """backtrader's pandas feed with two more lines."""

    lines = ("prediction", "confidence")
    params = (("prediction", -1), ("confidence", -1))


class Stock(bt.Strategy):
    """The rule as a backtrader strategy."""

    params = (("entry", 0.0), ("base", 0.02), ("cap", 0.05))

    def __init__(self) -> None:
        self.atr, self.sma = bt.indicators.ATR(period=14), bt.indicators.SMA(period=20)

    def next(self) -> None:
        """Decide at the close."""
        told, units = self.data.prediction[0], self.position.size
        side = (units > 0) - (units < 0)
        if np.isnan(told):
            return
        wish = 1 if told > self.p.entry else -1 if told < -self.p.entry else side
        if wish == side and not (side * told < 0.0):
            return
        if side and wish == side:
            wish = 0
        if units:
            self.close()
        if wish:
            money = risk_money(self.data.confidence[0], self.broker.getvalue(), self.p.base, self.p.cap)
            size = money / self.data.close[0]
            self.buy(size=size) if wish > 0 else self.sell(size=size)


def stock(task: Task, frame: pd.DataFrame, entry: float) -> tuple[float, float, int]:
    """CPU seconds, final value and orders of backtrader as it comes."""
    begun = time.process_time()
    cerebro = bt.Cerebro()
    cerebro.adddata(ToldData(dataname=frame))
    broker = task.broker
    cerebro.broker.setcash(broker.cash)
    cerebro.broker.setcommission(commission=broker.commission)
    cerebro.broker.set_slippage_perc(broker.slippage, slip_open=True, slip_match=True, slip_out=broker.slip_out)
    cerebro.addstrategy(Stock, entry=entry, base=task.risk.base, cap=task.risk.cap)
    for analyzer in (
        bt.analyzers.TimeReturn,
        bt.analyzers.DrawDown,
        bt.analyzers.SharpeRatio,
        bt.analyzers.TradeAnalyzer,
    ):
        cerebro.addanalyzer(analyzer)
    cerebro.run()
    return time.process_time() - begun, cerebro.broker.getvalue(), len(cerebro.broker.orders)


def ours(task: Task, _: pd.DataFrame, __: float) -> tuple[float, float, int]:
    """The same of the project's engine, tables included."""
    begun = time.process_time()
    result = bt_engine.carry_out(task)
    return time.process_time() - begun, float(result.equity["equity"].iloc[-1]), len(result.orders)


def work(entry: float) -> tuple[Task, pd.DataFrame]:
    """The S&P 500 sample with seeded predictions; a task of ours, and a frame for backtrader's feed."""
    source = {"kind": "sample", "symbols": ["sp500"]}
    market = DataSpec.model_validate({"source": source, "benchmark": "sp500"}).load()
    bars: Bars = market.bars["sp500"]
    rng, count = np.random.default_rng(1), len(bars)
    told = rng.normal(0.0, 0.01, count)
    told[:WARM] = np.nan
    sure = np.where(np.isnan(told), np.nan, rng.uniform(0.3, 1.0, count))
    signals = SignalFrame(bars.times, ("sp500",), told[:, None], sure[:, None], np.zeros(count, dtype=np.int64))
    broker = BrokerSpec(cash=10_000.0, short_interest=0.0)
    rule = Threshold(entry=entry, exit=0.0, side="both")
    task = Task.of(Market({"sp500": bars}, ("sp500",), "sp500", market.zone), signals, rule, RiskSpec(), broker, "x")
    frame = bars.frame.set_axis(task.timeline.stamps["sp500"]).assign(prediction=told, confidence=sure)
    return task, frame


def main() -> None:
    """Compare and time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    rounds = parser.parse_args().rounds
    print(f"backtrader {version('backtrader')}, numpy {np.__version__}, pandas {pd.__version__}")
    runners: dict[str, Callable[..., Any]] = {"stock": stock, "ours": ours}
    for name, entry in ENTRIES.items():
        task, frame = work(entry)
        told = {who: run(task, frame, entry) for who, run in runners.items()}
        (_, value, orders), (_, other, sent) = told.values()
        if abs(value / other - 1.0) > 1e-9 or orders != sent:
            raise SystemExit(f"{name}: they differ, so nothing is timed: {value!r} {orders}, {other!r} {sent}")
        bars = len(frame)
        print(
            f"\n{name}: {bars:,} bars, {orders:,} orders, final value {other:,.2f}, {abs(value / other - 1):.0e} apart"
        )
        seconds: dict[str, list[float]] = {who: [] for who in runners}
        for _ in range(rounds):
            for who, run in runners.items():
                gc.collect()
                seconds[who].append(run(task, frame, entry)[0])
        for who, taken in seconds.items():
            low, middle, high = statistics.quantiles(taken, n=4)
            print(f"  {who:6} {middle:.3f} s ({low:.3f} to {high:.3f}), {bars / middle:,.0f} bars/s")
        times = statistics.median(seconds["stock"]) / statistics.median(seconds["ours"])
        print(f"  stock takes {times:.1f} times as long")


if __name__ == "__main__":
    main()
