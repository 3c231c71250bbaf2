"""The exam of the verdicts: how often they say "evidence" where the truth is known.

    python benchmarks/verdicts.py [share of the markets, 1 is all: about an hour on two cores] [part of a name ...]

Every market is written to a file and goes the way of any user's: config, signals, compiled engine, verdict; sweeps are
confirmed on backtrader. The next day's return is ``drift - edge x sigma x clip(z, -2, 2) + sigma x noise``, with
``z = (close - SMA 10) / ATR 14`` and noise of a t distribution with 5 degrees of freedom, a third of it common to all
symbols. Without an edge at most one verdict in twenty may be yes.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from math import sqrt
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from core.types import Vector
from engine.config.run_config import RunConfig
from engine.pipeline import Options, compute
from engine.sweep import load_config
from engine.sweep.run import sweep_and_save

SIGMA = 0.01
DRIFT = 0.0003
YEAR = 252
COSTS = 0.0001
FIRST_SEED = 10_000
"""The tests were chosen on markets of seeds from 0 on, so that the exam needs others."""


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes
    ----------
    name : what is true of its markets.
    markets : their number in the whole exam.
    edge, years, symbols : of the markets; the edge ends after the share ``dies`` of the days.
    trials : of a sweep; 0 for a single run.
    costs : commission and slippage, each, a fraction.
    space : of a sweep.
    """

    name: str
    markets: int
    edge: float
    years: int = 8
    symbols: int = 3
    trials: int = 0
    costs: float = COSTS
    dies: float = 1.0
    space: str = "policies"


def prices(seed: int, case: Case) -> dict[str, pd.DataFrame]:
    """Daily bars of every symbol of a market; 500 days more than the case's years, for the first training."""
    random = np.random.default_rng(seed)
    days = YEAR * case.years + 500
    noise = random.standard_t(5, (days, case.symbols + 1)) / sqrt(5 / 3)
    shocks = sqrt(2 / 3) * noise[:, :-1] + sqrt(1 / 3) * noise[:, -1:]
    spreads = np.abs(random.normal(0, 0.4 * SIGMA, (2, days, case.symbols)))
    return {f"S{number}": _bars(shocks[:, number], spreads[:, :, number], case) for number in range(case.symbols)}


def _bars(shocks: Vector, wicks: Any, case: Case) -> pd.DataFrame:
    days = len(shocks)
    close = np.empty(days)
    ranges = np.empty(days)
    last = 100.0
    high = np.empty(days)
    low = np.empty(days)
    for day in range(days):
        z = 0.0
        if day >= 14:
            z = (last - close[day - 10 : day].mean()) / ranges[day - 14 : day].mean()
        edge = case.edge if day < case.dies * days else 0.0
        close[day] = last * (1.0 + DRIFT - edge * SIGMA * min(max(z, -2.0), 2.0) + SIGMA * shocks[day])
        high[day] = max(last, close[day]) * (1.0 + wicks[0, day])
        low[day] = min(last, close[day]) * (1.0 - wicks[1, day])
        ranges[day] = high[day] - low[day]
        last = close[day]
    dates = pd.bdate_range("1990-01-01", periods=days).strftime("%Y-%m-%d")
    opens = np.append(100.0, close[:-1])
    return pd.DataFrame({"date": dates, "open": opens, "high": high, "low": low, "close": close, "volume": 1e6})


SPACES: Mapping[str, Mapping[str, Any]] = {
    "policies": {
        "strategy.entry": {"low": 0.0005, "high": 0.0025, "step": 0.0001},
        "strategy.exit": {"low": 0.0, "high": 0.0005, "step": 0.0001},
        "strategy.side": ["both", "long", "short"],
        "risk.base": {"low": 0.01, "high": 0.03, "step": 0.0025},
    },
    "windows": {"features.0.window": [2, 3, 5, 7, 10, 14, 20, 40, 80, 160], "strategy.side": ["both", "long"]},
}


def config_of(folder: Path, seed: int, case: Case) -> RunConfig:
    """The config of a run or a sweep over a market whose files are written to a folder."""
    files = {}
    for symbol, bars in prices(seed, case).items():
        path = folder / f"{symbol}_{seed}.csv"
        bars.to_csv(path, index=False)
        files[symbol] = str(path)
    values: dict[str, Any] = {
        "name": "exam",
        "seed": seed,
        "data": {"source": {"kind": "csv", "files": files}},
        "features": [{"kind": "sma", "window": 10}, {"kind": "rsi", "window": 14}, {"kind": "lagged_return"}],
        "label": {"kind": "forward_return", "horizon": 1},
        "model": {"kind": "ridge"},
        "walk_forward": {"scheme": "expanding", "train": 480, "test": 126},
        "strategy": {"kind": "threshold", "entry": 0.0, "exit": 0.0, "side": "both"},
        "risk": {"base": 0.02, "cap": 0.05},
        "broker": {"commission": case.costs, "slippage": case.costs, "lot": 0},
        "measures": {"intervals": {"reps": 0}, "exam": {"methods": []}},
        "report": {"tearsheet": False},
        "engine": "compiled",
        "workers": 1,
    }
    if case.trials:
        values["sweep"] = {
            "method": "random",
            "trials": case.trials,
            "space": SPACES[case.space],
            "overfitting": {"reps": 500},
            "confirm": 1,
            "spot_checks": 0,
        }
        return load_config.load_mapping(values)
    return RunConfig.parse(values)


def says_yes(seed: int, case: Case) -> tuple[bool, str, float]:
    """The verdict on one market: evidence or not, its headline, and the information coefficient of a single run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["BACKTRADER_ML_DATA"] = str(folder / "data")
        config = config_of(folder, seed, case)
        if case.trials:
            swept = sweep_and_save(config, Options(out=folder / "runs", quiet=True))
            verdict = swept.numbers["verdict"]
            failed = ", ".join(test["name"] for test in verdict["tests"] if test["passed"] is False)
            return verdict["headline"].startswith("evidence"), failed or verdict["headline"], float("nan")
        outcome = compute(config)
        assert outcome.evaluation is not None  # the config has a label
        return outcome.verdict.beats, outcome.verdict.headline, float(outcome.evaluation.overall.model.ic or 0.0)


def cases() -> Iterator[Case]:
    """The lines of the table."""
    single = Case("", 20, 0.0)
    for years in (2, 5, 8, 10, 20):
        yield replace(single, name=f"noise, {years} years, 3 symbols", markets=100, years=years)
    for edge in (0.02, 0.05, 0.10, 0.15):
        for years in (2, 5, 8, 10, 20):
            yield replace(single, name=f"edge {edge:.2f}, {years} years, 3 symbols", edge=edge, years=years)
    for symbols in (1, 10):
        for edge in (0.0, 0.10):
            yield replace(single, name=f"edge {edge:.2f}, 8 years, {symbols} symbols", edge=edge, symbols=symbols)
    yield replace(single, name="edge 0.10 that dies at half, 8 years", edge=0.10, dies=0.5)
    yield replace(single, name="edge 0.05 eaten by costs of 20 bp", edge=0.05, costs=0.001)
    sweep = Case("", 10, 0.0, trials=200)
    for trials, markets in ((24, 10), (200, 10), (2000, 3)):
        for edge in (0.0, 0.10, 0.15, 0.20):
            name = f"sweep of {trials:,}, edge {edge:.2f}, 8 years"
            yield replace(sweep, name=name, markets=markets, trials=trials, edge=edge)
    yield replace(
        sweep, name="sweep, lone peak: one window of ten knows the edge", trials=20, edge=0.15, space="windows"
    )
    yield replace(sweep, name="sweep of 200, edge 0.20 that dies at half", edge=0.20, dies=0.5)
    yield replace(sweep, name="sweep of 200, edge 0.05 eaten by costs of 20 bp", edge=0.05, costs=0.001)


def survey(
    case: Case, markets: int, first: int = FIRST_SEED, pool: Executor | None = None
) -> list[tuple[bool, str, float]]:
    """The verdicts on some markets; with a pool in its processes."""
    seeds = range(first, first + markets)
    return list((pool.map if pool else map)(partial(says_yes, case=case), seeds))


def line(case: Case, verdicts: Sequence[tuple[bool, str, float]]) -> str:
    """A line of the table, in Markdown: the share of yes with its 95 % interval (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    yes = sum(verdict[0] for verdict in verdicts)
    interval = binomtest(yes, len(verdicts)).proportion_ci(0.95)
    only_forecasts = sum(verdict[1].startswith("skill in the forecasts") for verdict in verdicts)
    coefficient = mean(verdict[2] for verdict in verdicts)
    ic = "" if case.trials else f"{coefficient:.3f}"
    forecasts = "" if case.trials else f"{only_forecasts / len(verdicts):.0%}"
    share = f"{yes / len(verdicts):.0%} ({interval.low:.0%} to {interval.high:.0%})"
    return f"| {case.name} | {len(verdicts)} | {ic} | {share} | {forecasts} |"


def main(share: float, parts: Sequence[str]) -> None:
    """Print the table, line by line."""
    print("| market | markets | IC | evidence (95 % interval) | in the forecasts alone |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as cache:
        os.environ["BACKTRADER_ML_CACHE"] = cache  # one compiled engine for all markets
        with ProcessPoolExecutor() as pool:
            for case in cases():
                if not parts or any(part in case.name for part in parts):
                    markets = max(round(share * case.markets), 1)
                    print(line(case, survey(case, markets, pool=pool)), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0, sys.argv[2:])
