"""CPU time and memory of one evaluation of a large prediction log.

``python benchmarks/monitor_million.py [predictions] [symbols]`` fills a SQLite log with predictions of one-minute bars
(a million of one symbol by default; each day has 390 bars), then evaluates it in a new process: imports, the thresholds
of a walk-forward of 750 sessions, reading, joining, every statistic, text and page. Prints the CPU seconds and the
highest resident memory of that process. The market comes from an array file: to read a CSV of this length is no work
of the monitor.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

os.environ.update(OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd

from core.types import Bars, Market
from serving.monitor.join import COLUMNS
from serving.monitor.observations import Observations
from serving.monitor.run import Reference, evaluate
from serving.monitor.terminal import show
from serving.prediction_log.log import PredictionLog
from serving.prediction_log.read import read_alarms, read_predictions
from serving.prediction_log.records import ModelRecord
from serving.prediction_log.tables import ANSWER, PREDICTIONS, PRICES
from signals.labels.forward_return import ForwardReturn

MINUTES, MINUTE = 390, 60_000_000_000
INPUTS = tuple(f"input{number}" for number in range(12))
ZONE = "America/New_York"
LOT = 20_000


def record(symbols: tuple[str, ...]) -> ModelRecord:
    """The model of the log."""
    return ModelRecord("a" * 64, "million", "c" * 12, 0, "r" * 64, symbols, INPUTS)


def fill(folder: Path, predictions: int, symbols: tuple[str, ...]) -> None:
    """A market of random walks, and a log with a prediction at each of its bars but the last."""
    bars = predictions // len(symbols) + 1
    days = pd.bdate_range("2006-01-02 09:31", periods=-(-bars // MINUTES), tz=ZONE).as_unit("ns").asi8
    times = (days[:, None] + np.arange(MINUTES) * MINUTE).ravel()[:bars]
    generator = np.random.default_rng(0)
    closes = 100.0 * np.exp(np.cumsum(1e-4 * generator.normal(size=(bars, len(symbols))), axis=0))
    np.savez(folder / "market.npz", times=times, closes=closes)
    log = PredictionLog.open(f"sqlite:///{folder / 'log.sqlite'}")
    model = log.register(record(symbols))
    names = [column.name for column in PREDICTIONS.columns]
    text = f"INSERT INTO predictions VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - only question marks
    for first in range(0, bars - 1, LOT):
        part = slice(first, min(first + LOT, bars - 1))
        rows = list(_rows(names, model, first * len(symbols), times[part], closes[part], symbols, generator))
        with log.engine.begin() as connection:
            connection.exec_driver_sql(text, rows)
    log.close()


def _rows(names, model, number, times, closes, symbols, generator):
    inputs = generator.normal(size=(len(times), len(symbols), len(INPUTS)))
    for row, time in enumerate(times.tolist()):
        for column, symbol in enumerate(symbols):
            number += 1
            cells = dict.fromkeys(ANSWER) | dict.fromkeys(PRICES, float(closes[row, column]))
            cells |= {"number": number, "model": model, "symbol": symbol, "as_of": time, "side": 1, "bars": 300}
            cells |= {"prediction": 1e-5 * inputs[row, column, 0], "confidence": 0.5, "interval_low": -2e-4}
            cells |= {"interval_high": 2e-4, "account": 1e4, "reason": "signal", "inputs": "i" * 32, "warnings": "[]"}
            cells |= {"features": inputs[row, column].tobytes(), "request": f"{number:032}"}
            cells |= {"received_at": time + 10**9, "stored_at": time + 2 * 10**9}
            yield tuple(cells[name] for name in names)


def market_of(folder: Path, symbols: tuple[str, ...]) -> Market:
    """The market of the folder."""
    with np.load(folder / "market.npz") as arrays:
        times = pd.DatetimeIndex(arrays["times"].view("M8[ns]")).tz_localize("UTC")
        closes = np.ascontiguousarray(arrays["closes"].T)
    volume = np.ones(len(times))
    bars = {symbol: Bars(symbol, times, *[close] * 4, volume) for symbol, close in zip(symbols, closes, strict=True)}
    return Market(bars, symbols, symbols[0], ZONE)


def reference_of(symbols: tuple[str, ...]) -> Observations:
    """A walk-forward of 750 sessions."""
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(750, len(symbols), len(INPUTS)))
    shape = inputs.shape[:2]
    prediction, outcome = 1e-5 * inputs[:, :, 0], 1e-4 * generator.normal(size=shape)
    covered = (np.abs(outcome) <= 2e-4).astype(float)
    days = pd.bdate_range("2003-01-01", periods=750)
    confidence, sigma = np.full(shape, 0.5), 1e-4 * np.exp(0.1 * generator.normal(size=shape))
    return Observations(days, symbols, INPUTS, inputs, prediction, confidence, outcome, sigma, covered)


def measure(folder: Path, symbols: tuple[str, ...]) -> None:
    """Evaluate, and print what it took."""
    from engine.pages.monitor_page import write_page

    market = market_of(folder, symbols)
    reference = Reference.of(reference_of(symbols), ForwardReturn(horizon=1))
    log = PredictionLog.open(f"sqlite:///{folder / 'log.sqlite'}")
    logged = read_predictions(log, record(symbols).id, columns=COLUMNS, zone=market.zone)
    evaluation = evaluate(logged, market, reference, read_alarms(log, record(symbols).id))
    log.close()
    show(evaluation)
    write_page(evaluation, folder / "page.html")
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{len(logged.rows):,} predictions: {process_time():.1f} s of CPU time, {highest:.0f} MB at most")


def main(predictions: int, count: int) -> None:
    """Fill a log, and measure in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), predictions, symbols_of(count))
        subprocess.run([sys.executable, __file__, "measure", folder, str(count)], check=True)  # noqa: S603


def symbols_of(count: int) -> tuple[str, ...]:
    """Names of that many symbols."""
    return tuple(f"S{number:03}" for number in range(count))


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["measure"]:
        measure(Path(words[1]), symbols_of(int(words[2])))
    else:
        main(int(words[0]) if words else 1_000_000, int(words[1]) if words[1:] else 1)
