"""The strategies through a whole run: ranks on a portfolio, time exits in the trades, refusals before any training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError
from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine
from engine.pipeline import check_only, compute
from engine.sweep.load_config import load
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies.rank import Rank
from strategies.time_exit import TimeExit

ROOT = Path(__file__).resolve().parents[2]
BARS = 300
SYMBOLS = ("A", "B", "C", "D")


def flat_bars(symbol, seed, skip=()):
    times = pd.bdate_range("2015-01-02", periods=BARS, tz="UTC") + pd.Timedelta("21h")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, BARS)))
    frame = pd.DataFrame({"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1.0})
    return Bars.of(symbol, frame.set_index(times).drop(times[list(skip)]))


def backtest(strategy, prediction, skips=None):
    skips = skips or {}
    bars = {name: flat_bars(name, number, skips.get(name, ())) for number, name in enumerate(SYMBOLS)}
    market = Market(bars, SYMBOLS, "A", "UTC")
    prediction = prediction.copy()
    for name, rows in skips.items():
        prediction[list(rows), SYMBOLS.index(name)] = np.nan
    confidence = np.where(np.isnan(prediction), np.nan, 1.0)
    signals = SignalFrame(market.times, SYMBOLS, prediction, confidence, np.zeros(BARS, dtype=np.int64))
    return engine.run(market, signals, strategy, RiskSpec(), BrokerSpec(), "0123456789ab")


@pytest.fixture(scope="module")
def prediction():
    return np.random.default_rng(8).normal(0, 0.01, (BARS, len(SYMBOLS)))


@pytest.mark.parametrize(("top", "bottom"), [(1, 1), (2, 1), (2, 2), (1, 0)])
def test_the_ranked_are_held_from_the_next_open_on(prediction, top, bottom):
    held = np.sign(backtest(Rank(top=top, bottom=bottom), prediction).positions.to_numpy())
    place = (-prediction).argsort(axis=1).argsort(axis=1)
    expected = np.where(place < top, 1, 0) - np.where(place >= len(SYMBOLS) - bottom, 1, 0)
    np.testing.assert_array_equal(held[1:], expected[:-1])


def test_a_symbol_without_a_bar_keeps_its_position_and_is_not_ranked(prediction):
    skips = {"B": (100, 101, 150), "C": (100, 200)}
    held = np.sign(backtest(Rank(), prediction, skips).positions.to_numpy())
    absent = {(row, SYMBOLS.index(name)) for name, rows in skips.items() for row in rows}
    for row, column in absent:
        assert held[row, column] == held[row - 1, column]  # no bar, no fill
    # B and C miss day 100: A and D are ranked alone at its close
    best, worst = (0, 3) if prediction[100, 0] > prediction[100, 3] else (3, 0)
    assert (held[101, best], held[101, worst]) == (1, -1)


def test_time_exits_last_their_bars_and_are_told_apart(prediction):
    trades = backtest(TimeExit(entry=0.012, bars=4), prediction).trades
    timed = trades[trades["exit_reason"] == "time"]
    signalled = trades[trades["exit_reason"] == "signal"]
    assert (timed["bars"] == 4).all()
    assert (signalled["bars"] <= 4).all()
    assert min(len(timed), len(signalled)) > 10
    assert set(trades["exit_reason"]) <= {"time", "signal", "open"}


def test_too_few_symbols_for_a_rank_are_refused_before_anything_is_trained():
    config = load(ROOT / "configs" / "quickstart.yaml", ["strategy.kind=rank"])
    for refused in (check_only, compute):
        with pytest.raises(ConfigError, match=r"strategy rank: top 1 \+ bottom 1 need 2 traded symbols; traded: 1"):
            refused(config)


def test_the_rank_config_shares_the_portfolios_models():
    rank, portfolio = (load(ROOT / "configs" / f"{name}.yaml") for name in ("rank", "portfolio"))
    assert rank.signals == portfolio.signals
    assert rank.strategy == Rank(top=1, bottom=1, buffer=1)


def test_check_counts_a_model_for_each_symbol():
    small = "model={kind: random_forest, trees: 5, scope: per_symbol}"
    assert "5 folds, up to 20 fits" in check_only(load(ROOT / "configs" / "portfolio.yaml", [small]))
