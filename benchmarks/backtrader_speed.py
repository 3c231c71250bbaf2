"""backtrader as it comes, beside the project's backtrader engine, on the same bars, signals and sizes.

    python benchmarks/backtrader_speed.py
    python benchmarks/backtrader_speed.py --rounds 9

*Stock* is what a user of backtrader writes by its documentation: a ``PandasData`` with four more columns, a strategy
with an average true range and a moving average, market orders of the rule's size, the default observers and four
analyzers.
*Ours* is the project's engine: the same rule and sizes, held to the rule at the fill, and every order, fill, trade and
cost written into tables. The final account values must agree before the clock runs. *The whole* is from bars in memory
to all that is known of the run; *run* is ``cerebro.run()`` alone, without what makes the feed and the tables. Both take
turns; CPU seconds of one process, medians and quartiles; the ratio is taken round by round. Busy trading is an order
nearly every bar, sparse one every ten.
"""

import argparse
import gc
import platform
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, NamedTuple

import backtrader as bt
import numpy as np
import pandas as pd

from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine, fast_loop
from engine.backtest.engine_output import BacktestInput
from marketdata.data_spec import DataSpec
from risk.costs import BrokerSpec
from risk.sizing import risk_money
from risk.spec import RiskSpec
from strategies.threshold import Threshold

WARM = 30
"""Bars before the first signal: the indicators of the stock strategy need them."""
ENTRIES = {"busy": 0.003, "sparse": 0.0196}
COLUMNS = ("prediction", "confidence", "stop", "target")


class ToldData(bt.feeds.PandasData):
    """backtrader's pandas feed with four more lines."""

    lines = COLUMNS
    params = tuple((name, -1) for name in COLUMNS)


class Taken(NamedTuple):
    """CPU seconds of a whole backtest and of ``cerebro.run()`` alone; the account at the end, and orders sent."""

    full: float
    run: float
    value: float
    orders: int


class Stock(bt.Strategy):
    """The rule as a backtrader strategy."""

    params = (("entry", 0.0), ("base", 0.02), ("cap", 0.05))

    def __init__(self) -> None:
        self.atr = bt.indicators.ATR(period=14)
        self.sma = bt.indicators.SMA(period=20)

    def next(self) -> None:
        """Decide at the close."""
        prediction = self.data.prediction[0]
        units = self.position.size
        side = (units > 0) - (units < 0)
        if np.isnan(prediction):
            return
        target = 1 if prediction > self.p.entry else -1 if prediction < -self.p.entry else side
        if target == side and not (side * prediction < 0.0):
            return
        if side and target == side:
            target = 0
        if units:
            self.close()
        if target:
            money = risk_money(self.data.confidence[0], self.broker.getvalue(), self.p.base, self.p.cap)
            size = money / self.data.close[0]
            self.buy(size=size) if target > 0 else self.sell(size=size)


def stock(task: BacktestInput, frame: pd.DataFrame, entry: float) -> Taken:
    """The seconds of plain backtrader."""
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
    ready = time.process_time()
    cerebro.run()
    done = time.process_time()
    return Taken(done - begun, done - ready, cerebro.broker.getvalue(), len(cerebro.broker.orders))


def ours(task: BacktestInput, _: pd.DataFrame, __: float) -> Taken:
    """The project's engine, tables included."""
    with watched() as runs:
        begun = time.process_time()
        result = engine.run_task(task)
        full = time.process_time() - begun
    return Taken(full, sum(runs), float(result.equity["equity"].iloc[-1]), len(result.orders))


@contextmanager
def watched() -> Iterator[list[float]]:
    """The CPU seconds of each ``cerebro.run()`` of the project's engine."""
    runs: list[float] = []
    plain = fast_loop.LeanCerebro.run

    def run(cerebro: bt.Cerebro) -> Any:
        begun = time.process_time()
        try:
            return plain(cerebro)
        finally:
            runs.append(time.process_time() - begun)

    fast_loop.LeanCerebro.run = run
    try:
        yield runs
    finally:
        del fast_loop.LeanCerebro.run


def work(entry: float) -> tuple[BacktestInput, pd.DataFrame]:
    """The S&P 500 sample with seeded predictions; a task of ours, and a frame for backtrader's feed."""
    source = {"kind": "sample", "symbols": ["sp500"]}
    market = DataSpec.model_validate({"source": source, "benchmark": "sp500"}).load()
    bars: Bars = market.bars["sp500"]
    rng = np.random.default_rng(1)
    count = len(bars)
    prediction = rng.normal(0.0, 0.01, count)
    prediction[:WARM] = np.nan
    confidence = np.where(np.isnan(prediction), np.nan, rng.uniform(0.3, 1.0, count))
    signals = SignalFrame(
        bars.times, ("sp500",), prediction[:, None], confidence[:, None], np.zeros(count, dtype=np.int64)
    )
    broker = BrokerSpec(cash=10_000.0, short_interest=0.0)
    rule = Threshold(entry=entry, exit=0.0, side="both")
    task = BacktestInput.of(
        Market({"sp500": bars}, ("sp500",), "sp500", market.zone), signals, rule, RiskSpec(), broker, "x"
    )
    more = {"prediction": prediction, "confidence": confidence, "stop": 0.95 * bars.close, "target": 1.05 * bars.close}
    return task, bars.frame.set_axis(task.timeline.stamps["sp500"]).assign(**more)


RUNNERS = {"stock": stock, "ours": ours}


def check(name: str, task: BacktestInput, frame: pd.DataFrame) -> None:
    """Print what both do, or stop where they differ."""
    one, other = (run(task, frame, ENTRIES[name]) for run in RUNNERS.values())
    distance = abs(one.value / other.value - 1.0)
    if distance > 1e-9 or one.orders != other.orders:
        raise SystemExit(f"{name}: they differ, so nothing is timed: {one}, {other}")
    print(f"\n{name}: {len(frame):,} bars, {one.orders:,} orders, final value {one.value:,.2f}, {distance:.0e} apart")


def quartiles(values: list[float], digits: int, unit: str) -> str:
    """The median, with the quartiles in brackets."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"


def compare(name: str, rounds: int) -> None:
    """Check one kind of trading, time it and print it."""
    task, frame = work(ENTRIES[name])
    check(name, task, frame)
    taken: dict[str, list[Taken]] = {who: [] for who in RUNNERS}
    for _ in range(rounds):
        for who, run in RUNNERS.items():
            gc.collect()
            taken[who].append(run(task, frame, ENTRIES[name]))
    for part in ("whole", "run"):
        seconds = {who: [getattr(taken_once, part) for taken_once in rounds] for who, rounds in taken.items()}
        for who, seconds_of_part in seconds.items():
            rate = f"{len(frame) / statistics.median(seconds_of_part):,.0f} bars/s"
            print(f"  {part:5} {who:5} {quartiles(seconds_of_part, 3, ' s')}, {rate}")
        ratios = [one / other for one, other in zip(seconds["stock"], seconds["ours"], strict=True)]
        print(f"  {part:5} stock takes {quartiles(ratios, 1, '')} times as long")


def main() -> None:
    """Compare and time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    rounds = parser.parse_args().rounds
    versions = {name: version(name) for name in ("backtrader", "numpy", "pandas")}
    print(f"Python {platform.python_version()},", ", ".join(f"{name} {number}" for name, number in versions.items()))
    for name in ENTRIES:
        compare(name, rounds)


if __name__ == "__main__":
    main()
