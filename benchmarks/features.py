"""How fast features are: SMA 20, SMA 50, RSI 14 and MACD of one symbol, beside pandas, TA-Lib and polars.

    .venv/bin/python benchmarks/features.py                    one million rows
    .venv/bin/python benchmarks/features.py --rows 100000

Before anything is timed, the features are compared with pandas: within 1e-9 of its value, or 1e-12 where that is near
zero. Contenders take turns, so that a busy moment of the machine meets all of them, and a ratio is that of neighbours.
TA-Lib and polars are there if they are installed. What TA-Lib has is not quite the same: its RSI is Wilder's, and its
exponential averages begin with a simple mean.
"""

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from core.types import Bars, Market
from signals.feature_frame import feature_frame
from signals.features.macd import Macd
from signals.features.rsi import Rsi
from signals.features.sma import Sma

FEATURES = {"SMA 20": Sma(window=20), "SMA 50": Sma(window=50), "RSI 14": Rsi(window=14), "MACD": Macd()}
ADDED, KEPT, STACKED = "the four, added", "the four, kept", "as one array"
OURS = "features"
LIBRARIES = {"numpy": "numpy", "numba": "numba", "pandas": "pandas", "TA-Lib": "talib", "polars": "polars"}

Job = Callable[[], Any]
Seconds = dict[str, dict[str, list[float]]]


def made(rows: int) -> Bars:
    """Bars of a walk."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.001, rows)))
    times = pd.date_range("2000", periods=rows, freq="min", tz="UTC")
    return Bars("A", times, close, close, close, close, close)


def by_features(bars: Bars) -> dict[str, Job]:
    """The plug-ins."""
    return {name: lambda feature=feature: feature.compute(bars) for name, feature in FEATURES.items()}


def by_pandas(bars: Bars) -> dict[str, Job]:
    """The same columns by pandas' rolling and ewm."""
    close = pd.Series(np.array(bars.close))

    def rsi() -> pd.Series:
        change = close.diff()
        gain = change.where(change > 0, 0.0).rolling(14).mean()
        loss = (-change.where(change < 0, 0.0)).rolling(14).mean()
        return 100 - 100 / (1 + gain / loss)

    def macd() -> list[pd.Series]:
        line = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
        signal = line.ewm(span=9, adjust=False).mean()
        return [line / close, signal / close, (line - signal) / close]

    return {
        "SMA 20": lambda: close / close.rolling(20).mean() - 1,
        "SMA 50": lambda: close / close.rolling(50).mean() - 1,
        "RSI 14": rsi,
        "MACD": macd,
    }


def by_talib(bars: Bars) -> dict[str, Job]:
    """The nearest that TA-Lib has."""
    import talib

    close = np.array(bars.close)
    return {
        "SMA 20": lambda: close / talib.SMA(close, 20) - 1,
        "SMA 50": lambda: close / talib.SMA(close, 50) - 1,
        "RSI 14": lambda: talib.RSI(close, 14),
        "MACD": lambda: [line / close for line in talib.MACD(close, 12, 26, 9)],
    }


def by_polars(bars: Bars) -> dict[str, Job]:
    """The same columns by polars' series, on one thread."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    import polars as pl

    close = pl.Series(np.array(bars.close))

    def rsi() -> Any:
        change = close.diff()
        gain, loss = (part.clip(lower_bound=0).rolling_mean(14) for part in (change, -change))
        return 100 - 100 / (1 + gain / loss)

    def macd() -> list[Any]:
        line = close.ewm_mean(span=12, adjust=False) - close.ewm_mean(span=26, adjust=False)
        signal = line.ewm_mean(span=9, adjust=False)
        return [line / close, signal / close, (line - signal) / close]

    return {
        "SMA 20": lambda: close / close.rolling_mean(20) - 1,
        "SMA 50": lambda: close / close.rolling_mean(50) - 1,
        "RSI 14": rsi,
        "MACD": macd,
    }


def columns(result: Any) -> list[Any]:
    """What a job returned, as a list."""
    return result if isinstance(result, list) else [result]


def stacked(jobs: Sequence[Job]) -> Any:
    """All columns side by side."""
    return np.column_stack([column for job in jobs for column in columns(job())])


def jobs_of(bars: Bars) -> dict[str, dict[str, Job]]:
    """What is timed, by its name and by contender; whoever is installed is one."""
    field = {OURS: by_features(bars), "pandas": by_pandas(bars)}
    if find_spec("talib"):
        field["TA-Lib"] = by_talib(bars)
    if find_spec("polars"):
        field["polars"] = by_polars(bars)
    market = Market({bars.symbol: bars}, (bars.symbol,), bars.symbol, "UTC")
    four = {who: list(each.values()) for who, each in field.items()}
    return {
        **{name: {who: each[name] for who, each in field.items()} for name in FEATURES},
        KEPT: {who: lambda jobs=jobs: [job() for job in jobs] for who, jobs in four.items()},
        STACKED: {
            **{who: lambda jobs=jobs: stacked(jobs) for who, jobs in four.items()},
            OURS: lambda: feature_frame(market, bars.symbol, list(FEATURES.values())),
        },
    }


def check(bars: Bars) -> None:
    """End the program if a feature differs from pandas after its warm-up."""
    expected = by_pandas(bars)
    for name, feature in FEATURES.items():
        values, others = feature.compute(bars), np.column_stack(columns(expected[name]()))
        apart = np.abs(values - others)[feature.warmup :]
        if not (apart <= 1e-9 * np.abs(others[feature.warmup :]) + 1e-12).all():
            sys.exit(f"{name} differs from pandas by up to {apart.max()}")


def timed(job: Job) -> float:
    """Seconds until the job's result is there; throwing it away is not counted."""
    began = time.perf_counter()
    result = job()
    took = time.perf_counter() - began
    del result
    return took


def race(bars: Bars, rounds: int) -> Seconds:
    """Seconds by what was done and by contender, one a round; a first round is not counted."""
    jobs = jobs_of(bars)
    seconds: Seconds = {name: {who: [] for who in field} for name, field in jobs.items()}
    for number in range(rounds + 1):
        for name, field in jobs.items():
            for who, job in field.items():
                took = timed(job)
                if number:
                    seconds[name][who].append(took)
    apart = [seconds[name] for name in FEATURES]
    added = {who: [sum(took) for took in zip(*(each[who] for each in apart), strict=True)] for who in apart[0]}
    return {**dict(zip(FEATURES, apart, strict=True)), ADDED: added, KEPT: seconds[KEPT], STACKED: seconds[STACKED]}


def spread(values: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{f'{middle:.2f} ({low:.2f} to {high:.2f})':26}"


def show(seconds: Seconds, rows: int) -> None:
    """The table of the race."""
    others = [who for who in seconds[ADDED] if who != OURS]
    print(f"{'':16} {'features, ns a row':26}" + "".join(f"{f'{who} / features':26}" for who in others))
    for name, field in seconds.items():
        own = field[OURS]
        ratios = [[other / mine for other, mine in zip(field[who], own, strict=True)] for who in others]
        print(f"{name:16} {spread([1e9 * took / rows for took in own])}" + "".join(map(spread, ratios)))


def show_growth(bars: Bars) -> None:
    """What a row costs in short and in long histories."""
    print("\nthe four, added, in ns a row (the best of seven): rows, features, pandas")
    for rows in sorted({1_000, 10_000, 100_000, len(bars)}):
        some = bars.between(None, bars.times[min(rows, len(bars)) - 1])
        took = [sum(min(timed(job) for _ in range(7)) for job in by(some).values()) for by in (by_features, by_pandas)]
        print(f"{len(some):12,}" + "".join(f"{1e9 * each / len(some):10.1f}" for each in took))


def show_start(rows: int) -> None:
    """What the first feature costs in a fresh process, where its compiled code is in the cache."""
    print("\nthe first feature in a fresh process, with what it imports, in s (the best of three): rows, SMA 20, MACD")
    for count in (5_000, rows):
        took = []
        for name in ("SMA 20", "MACD"):
            command = [sys.executable, __file__, "--first", name, "--rows", str(count)]
            runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]  # noqa: S603
            took.append(min(float(run.stdout) for run in runs))
        print(f"{count:12,}" + "".join(f"{each:10.3f}" for each in took))


def main() -> None:
    """Check, race, show."""
    parser = argparse.ArgumentParser(description="how fast features are")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the walk that is computed")
    parser.add_argument("--rounds", type=int, default=21, help="in which every contender has its turn")
    parser.add_argument("--first", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    bars = made(asked.rows)
    if asked.first:
        print(timed(by_features(bars)[asked.first]))
        return
    found = [f"{name} {importlib.metadata.version(name)}" for name, module in LIBRARIES.items() if find_spec(module)]
    print(f"{asked.rows:,} rows, {asked.rounds} rounds, one thread; median (quartiles)")
    print(f"{platform.machine()}, Python {platform.python_version()}, {', '.join(found)}")
    check(bars)
    print("the features are within 1e-9 of pandas\n")
    show(race(bars, asked.rounds), asked.rows)
    show_growth(bars)
    show_start(asked.rows)


if __name__ == "__main__":
    main()
