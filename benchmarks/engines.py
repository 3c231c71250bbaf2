"""Speed of the compiled engine beside vectorbt and raptorbt, which do the same work in the same run.

    python benchmarks/engines.py                   all of the work
    python benchmarks/engines.py sweep one         what begins with these words
    python benchmarks/engines.py --rounds 11

The work, the agreement that comes before the clock, and the clock are those of ``peers.py``: every contender's final
value and number of fills are compared with a straight loop, and contenders take turns. One thread each. ``ours`` has
the market and its signals laid out already and goes from settings to numbers; ``ours, cold`` lays them out, too. Our
measures are of sessions: of a million minutes they are those of 695 days, the others' those of minutes. What was
checked once is remembered, so every call of ours has settings of its own, which differ from the work's in their last
digits. The extra ``bench`` installs the others.
"""

import argparse
import os
import statistics
import time
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE", NUMBA_NUM_THREADS="1")

import numpy as np
import pandas as pd
from peers import Contender, Work, admitted, contenders, race, show, versions, works
from peers_work import Outcome

from core.types import Bars, Market, SignalFrame
from engine.backtest.compiled import BatchRunner
from engine.backtest.engine_output import BacktestInput
from risk.costs import BrokerSpec
from risk.measures.calmar import Calmar
from risk.measures.max_drawdown import MaxDrawdown
from risk.measures.sharpe import Sharpe
from risk.measures.sortino import Sortino
from risk.spec import RiskSpec
from strategies.threshold import Threshold

MEASURES = (Sharpe(), Sortino(), Calmar(), MaxDrawdown())
MINUTES_FROM = 50_000
OFF = 2.0**-56
NAMES = {"sharpe": "sharpe", "sortino": "sortino", "calmar": "calmar", "drawdown": "max_drawdown"}


def task_of(work: Work) -> BacktestInput:
    """The work as bars, signals and specs: every bar a session, so that each has a return; a million are minutes."""
    symbols = tuple(f"s{number}" for number in range(work.signal.size // len(work.signal)))
    step = "D" if len(work.signal) < MINUTES_FROM else "min"
    times = pd.date_range("2000-01-01 21:00", periods=len(work.signal) + 1, freq=step, tz="UTC", unit="ns")
    flat = [np.reshape(values, (len(values), -1)) for values in work.prices]
    # A first bar on which nothing is decided: the peers' first return is that of the first bar, ours of the second.
    columns = [np.concatenate([values[:1], values]) for values in flat]
    volume = np.full(len(times), 1e9)
    bars = {
        symbol: Bars(symbol, times, *(np.ascontiguousarray(values[:, column]) for values in columns), volume)
        for column, symbol in enumerate(symbols)
    }
    prediction = np.concatenate([np.full((1, len(symbols)), np.nan), work.signal.reshape(len(work.signal), -1)])
    confidence = np.where(np.isnan(prediction), np.nan, 1.0)
    signals = SignalFrame(times, symbols, prediction, confidence, np.zeros(len(times), dtype=np.int64))
    terms = work.terms
    broker = BrokerSpec(
        cash=terms.cash, commission=terms.commission, slippage=terms.slippage, short_interest=0.0, slip_out=True
    )
    risk = RiskSpec(cap=terms.cap)
    strategy = Threshold(exit=terms.exit, side=terms.side)
    return BacktestInput.of(Market(bars, symbols, symbols[0], "UTC"), signals, strategy, risk, broker, "benchmark")


def settings_of(work: Work, call: int = 0) -> dict[str, list[Any]]:
    """The grid as columns, a little off with each call."""
    if work.terms.stop_from != "close" or not work.terms.exit_first:
        raise ValueError("stops lie below the close of the decision, and exits at the open come first")
    columns: dict[str, list[Any]] = {
        "strategy.entry": [setting.entry + call * OFF for setting in work.grid],
        "risk.base": [setting.base + call * OFF for setting in work.grid],
    }
    if not np.isnan([setting.stop for setting in work.grid]).all():
        columns["risk.stop"] = [
            None if np.isnan(setting.stop) else {"kind": "percent", "value": setting.stop} for setting in work.grid
        ]
    return columns


class Ours:
    """The compiled engine by its batch call; what was laid out for a work is kept."""

    def __init__(self, *, prepared: bool) -> None:
        self.prepared = prepared
        self._calls = 0
        self._runners: dict[tuple[str, bool], BatchRunner] = {}
        self._tasks: dict[str, BacktestInput] = {}

    def __call__(self, work: Work, measures: bool) -> Outcome:
        """Do a work."""
        if work.name not in self._tasks:
            self._tasks[work.name] = task_of(work)
        task = self._tasks[work.name]
        settings = settings_of(work, self._calls)
        self._calls += 1
        options: Any = {"measures": MEASURES if measures else (), "threads": 1, "per_year": float(work.terms.year)}
        key = (work.name, measures)
        if self.prepared and key not in self._runners:
            self._runners[key] = BatchRunner(task, **options)
        begun = time.perf_counter()
        runner = self._runners[key] if self.prepared else BatchRunner(task, **options)
        result = runner.run(settings)
        seconds = time.perf_counter() - begun
        figures = {name: np.asarray(result.columns[column]) for name, column in NAMES.items()} if measures else {}
        return Outcome(result.columns["final_value"], result.columns["fills"], seconds, figures)


def main() -> None:
    """Compare and time."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", nargs="*", default=[""], help="begin of the names of the work to be done")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed")
    options = parser.parse_args()
    print(versions())
    field: dict[str, Contender] = {"ours": Ours(prepared=True), "ours, cold": Ours(prepared=False), **contenders()}
    for work in works(options.work):
        seconds = race(work, admitted(work, field), options.rounds)
        show(work, seconds)
        ratios(seconds)


def ratios(seconds: dict[tuple[str, bool], list[float]]) -> None:
    """Print how many times as long the others took, by medians."""
    middle = {who: statistics.median(taken) for who, taken in seconds.items()}
    for (who, with_), taken in middle.items():
        if not who.startswith("ours"):
            outputs = "measures" if with_ else "equity, fills"
            print(f"  {who:16} {outputs:14} takes {taken / middle['ours', with_]:.1f} times as long as ours")


if __name__ == "__main__":
    main()
