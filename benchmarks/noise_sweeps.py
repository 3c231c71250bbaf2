"""Overfitting tests of sweeps over random walks, and over markets with an edge planted.

    python benchmarks/noise_sweeps.py [markets] [first seed]

Each market is a random walk; the same grid of moving averages is swept over each, and the tests of `risk.overfitting`
are run. Without skill the probability of backtest overfitting lies around one half, and the deflated Sharpe ratio
passes 0.95 in at most one of twenty. With an edge planted both must find it.
"""

import sys
import tempfile
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pandas as pd

from core.progress import no_progress
from engine.config.run_config import RunConfig
from engine.sweep import load_config
from engine.sweep.judgement import overfitting_tests
from engine.sweep.run import wants_of
from engine.sweep.run_trials import run_trials
from engine.sweep.storage.journal import Journal
from engine.sweep.storage.sweep_folder import CHUNKS
from engine.sweep.storage.trial_registry import PriorTrials
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.plan import Plan, plan_sweep
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.runner import TrialRunner
from risk.periods import periods_per_year
from signals.workers.worker_pool import fold_pool

DAYS = 1500
SWEEP = {
    "method": "grid",
    "space": {
        "model.fast": [2, 5, 10, 20],
        "model.slow": [30, 60, 90, 120],
        "strategy.side": ["both", "long", "short"],
    },
}


def prices(seed: int, edge: float = 0.0) -> pd.DataFrame:
    """A random walk of daily bars; with ``edge``, its drift wanders slowly between plus and minus that much a day."""
    random = np.random.default_rng(seed)
    drift = np.zeros(DAYS)
    for day in range(1, DAYS):
        drift[day] = 0.97 * drift[day - 1] + random.normal(0, 0.243)
    returns = random.normal(0, 0.01, DAYS) + edge * drift
    close = 100 * np.exp(np.cumsum(returns))
    start = np.append(100.0, close[:-1]) * np.exp(random.normal(0, 0.001, DAYS))
    wick = np.exp(np.abs(random.normal(0, 0.003, (2, DAYS))))
    top = np.maximum(start, close) * wick[0]
    bottom = np.minimum(start, close) / wick[1]
    days = pd.bdate_range("2010-01-04", periods=DAYS)
    columns = {"open": start, "high": top, "low": bottom, "close": close, "volume": 1000.0}
    return pd.DataFrame({"date": days.strftime("%Y-%m-%d"), **columns})


def config_of(folder: Path, seed: int, edge: float = 0.0, **sweep: object) -> RunConfig:
    """The config of a sweep over such a market, whose file is written to a folder."""
    path = folder / f"walk_{seed}_{edge}.csv"
    prices(seed, edge).to_csv(path, index=False)
    return load_config.load_mapping(
        {
            "name": "noise",
            "seed": seed,
            "data": {"source": {"kind": "csv", "files": {"walk": str(path)}}, "benchmark": "walk"},
            "model": {"kind": "sma_cross", "fast": 5, "slow": 30},
            "strategy": {"kind": "threshold", "side": "both"},
            "broker": {"commission": 0.0002, "slippage": 0.0001, "short_interest": 0.0},
            "measures": {"intervals": {"reps": 0}, "exam": {"methods": []}},
            "report": {"tearsheet": False},
            "workers": 1,
            "sweep": {**SWEEP, "confirm": 1, "spot_checks": 1, **sweep},
        }
    )


def swept(config: RunConfig, folder: Path) -> tuple[Plan, TrialRanking, TrialStore]:
    """Run every trial of a sweep, and nothing else."""
    made = plan_sweep(config)
    (folder / CHUNKS).mkdir(parents=True)
    records, board = TrialStore(folder, Journal(folder)), TrialRanking.empty(made.spec, made.count)
    with fold_pool(1) as hands:
        run_trials(made, board, TrialRunner(made, wants_of(made), None, no_progress, hands).run, records, no_progress)
    return made, board, records


def examined(config: RunConfig, folder: Path) -> overfitting_tests.OverfittingTests:
    """The overfitting tests of a sweep's best trial."""
    made, board, records = swept(config, folder)
    sample = overfitting_tests.sample_trials(made, records)
    winner = sample.returns[:, np.searchsorted(sample.kept, board.best(1)[0])]
    bars = made.market.bars[made.market.benchmark]
    closes = pd.Series(bars.close, index=pd.DatetimeIndex(bars.times.date)).pct_change()
    benchmark = closes.reindex(made.span.sessions).to_numpy()
    year = periods_per_year(made.span.sessions)
    return overfitting_tests.run_overfitting_tests(
        made, board, sample, PriorTrials(0, 0, 0.0, 0.0), winner, benchmark, (year, 0.0)
    )


def survey(markets: int, first: int, edge: float = 0.0) -> list[overfitting_tests.OverfittingTests]:
    """The overfitting tests of sweeps over several markets."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            examined(config_of(folder, seed, edge), folder / f"sweep_{seed}") for seed in range(first, first + markets)
        ]


def table_line(name: str, sweeps: list[overfitting_tests.OverfittingTests]) -> str:
    """A line of the table."""
    pbo = [tests.pbo.pbo for tests in sweeps if tests.pbo]
    deflated = [tests.deflated.value or 0.0 for tests in sweeps]
    cash = [tests.cash.consistent or 1.0 for tests in sweeps]
    standard_error = stdev(pbo) / len(pbo) ** 0.5 if len(pbo) > 1 else 0.0
    sharpes = [tests.sharpe * tests.per_year**0.5 for tests in sweeps]
    return (
        f"{name:24s} {len(sweeps):8d} {mean(sharpes):15.2f} {mean(pbo):8.2f} +- {standard_error:.2f} "
        f"{mean(value >= 0.95 for value in deflated):11.1%} {mean(value <= 0.05 for value in cash):13.1%}"
    )


if __name__ == "__main__":
    markets, first = (int(word) for word in [*sys.argv[1:], *("100", "0")[len(sys.argv) - 1 :]])
    heads = ("markets", 8), ("best Sharpe", 15), ("PBO", 16), ("DSR >= 0.95", 11), ("SPA p <= 0.05", 13)
    print(f"{'48 trials each':24s}", *(f"{head:>{width}s}" for head, width in heads))
    print(table_line("random walks", survey(markets, first)))
    print(table_line("with an edge planted", survey(max(markets // 10, 1), first, edge=0.004)))
