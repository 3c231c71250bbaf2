"""The configs of the strategies that ship: every decision of a whole run, worked out again from the prices alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import run
from engine.cli.main import main
from engine.sweep.load_config import load
from engine.sweep.trials.dry_run import check_sweep
from marketdata.sources.sample import Sample

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "configs" / "strategies"
QUICK = ("measures={intervals: {reps: 0}, var_methods: [gaussian]}", "report.tearsheet=false")
SHORT = {
    "bracket_cross": ("data.end=2001-12-31",),
    "breakout": ("data.end=2001-12-31",),
    "mean_reversion": ("data.end=2002-12-31", "walk_forward={train: 400, test: 200}"),
    "momentum_rank": ("data.source.symbols=[AAPL, IBM, MSFT]", "data.end=2003-12-31"),
    "regime_filter": ("data.end=2001-12-31",),
    "volatility_target": ("data.end=2001-12-31",),
}
each = pytest.mark.parametrize("name", SHORT)


def result_of(name, *words):
    return run(FOLDER / f"{name}.yaml", overrides=[*SHORT[name], *QUICK, *words])


def days_of(times):
    return times.tz_convert("America/New_York").tz_localize(None).normalize()


def prices_of(result):
    """The sample's prices up to the last day of a run."""
    frame = pd.read_csv(Sample().paths()["nasdaq"], index_col="Date")
    frame = frame.set_axis(pd.to_datetime(frame.index, format="%m/%d/%Y"))
    return frame.loc[: days_of(result.positions.index)[-1]]


def cross(close, fast, slow):
    return close.rolling(fast).mean() / close.rolling(slow).mean() - 1


def volatility(close):
    return close.pct_change().rolling(20).std()


def require_held(result, side):
    """The side decided at each close is held from the next one on."""
    held = np.sign(result.positions.iloc[:, 0].to_numpy())
    np.testing.assert_array_equal(held[1:], side[-len(held) : -1])
    assert len(set(held)) > 1


def test_every_config_of_the_folder_is_tested():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(SHORT)


def test_the_regime_filter_follows_the_cross_in_calm_markets():
    result = result_of("regime_filter", "data.end=2004-12-31")
    close = prices_of(result)["Close"]
    signal, value = cross(close, 20, 50), volatility(close)
    side, is_calm = np.zeros(len(close)), False
    for bar in range(49, len(close)):
        is_calm = value.iloc[bar] <= 0.012 or (is_calm and value.iloc[bar] <= 0.018)
        side[bar] = np.sign(signal.iloc[bar]) if is_calm else 0
    require_held(result, side)
    assert set(result.trades["exit_reason"]) == {"prediction", "volatile regime"} | (
        {"open"} if result.positions.iloc[-1, 0] else set()
    )


def test_the_volatility_target_holds_its_weight():
    result = result_of("volatility_target", "data.end=2003-12-31")
    close = prices_of(result)["Close"].to_numpy()
    signal, value = cross(pd.Series(close), 50, 200), volatility(pd.Series(close))
    weight, moved = np.zeros(len(close)), np.zeros(len(close), dtype=bool)
    for bar in range(199, len(close)):
        new = np.sign(signal[bar]) * min(1.0, 0.01 / value[bar])
        before = weight[bar - 1]
        stays = before * new > 0 and abs(new - before) < 0.1
        weight[bar], moved[bar] = (before, False) if stays else (new, True)
    require_held(result, np.sign(weight))
    count = len(result.positions)
    close, weight, moved = close[-count:], weight[-count:], moved[-count:]
    shares = result.positions.iloc[1:, 0].to_numpy() * close[:-1] / result.equity["equity"].to_numpy()[:-1]
    moves = moved[:-1] & (abs(weight[:-1]) < 0.9)  # above that the cap trims fills of rising markets
    np.testing.assert_allclose(shares[moves], 0.5 * weight[:-1][moves], rtol=1e-9)
    still = result.positions.iloc[:, 0].diff().fillna(0.0).to_numpy()[1:] == 0
    assert (still == ~moved[:-1]).all()
    assert moves.sum() > 20


@pytest.mark.slow
def test_mean_reversion_enters_where_both_agree():
    result = result_of("mean_reversion", "risk.stop=null", "strategy.reenter=always")
    close = prices_of(result)["Close"]
    z = ((close - close.rolling(20).mean()) / close.rolling(20).std(ddof=0)).to_numpy()
    told = result.signals.set_axis(days_of(pd.DatetimeIndex(result.signals["time"])))["prediction"]
    prediction = told.reindex(close.index).to_numpy()
    side, held, now = np.zeros(len(close)), 0, 0
    for bar in range(len(close)):
        held = held + 1 if now else 0
        if not np.isnan(prediction[bar]):
            if now:
                leaves = now * z[bar] >= 0 or held >= 10
                now = 0 if leaves else now
            elif z[bar] < -1.5 and prediction[bar] > 0:
                now = 1
            elif z[bar] > 1.5 and prediction[bar] < 0:
                now = -1
        side[bar] = now
        held = held if now else 0
    require_held(result, side)
    assert set(np.unique(side)) == {-1, 0, 1}


def test_the_breakout_enters_at_new_highs_and_leaves_at_its_trailing_stop():
    result = result_of("breakout", "data.end=2003-12-31")
    prices = prices_of(result)
    opened, high, low, close = (prices[name].to_numpy() for name in ("Open", "High", "Low", "Close"))
    before = close[:-1]
    ranges = np.maximum(high[1:], before) - np.minimum(low[1:], before)
    average = np.full(len(close), np.nan)
    average[14] = ranges[:14].mean()
    for bar in range(15, len(close)):
        average[bar] = (13 * average[bar - 1] + ranges[bar - 1]) / 14
    expected, bar = [], 54
    while bar < len(close) - 1:
        if close[bar] < close[bar - 54 : bar + 1].max():
            bar += 1
            continue
        distance, entry = 3 * average[bar], bar + 1
        stop, leave = close[bar] - distance, entry + 1
        while leave < len(close) and low[leave] > stop:
            stop = max(stop, close[leave] - distance)
            leave += 1
        expected.append((entry, leave, min(opened[leave], stop) * 0.9995 if leave < len(close) else np.nan))
        bar = leave
    trades = result.trades
    closed = trades["exit_reason"] == "trail"
    entered, left = (days_of(pd.DatetimeIndex(trades[name])) for name in ("entered_at", "exited_at"))
    assert prices.index.get_indexer(entered).tolist() == [entry for entry, *_ in expected]
    assert prices.index.get_indexer(left[closed]).tolist() == [row[1] for row in expected][: closed.sum()]
    assert trades.loc[closed, "exit_price"].tolist() == pytest.approx([row[2] for row in expected][: closed.sum()])
    assert len(expected) - closed.sum() == (trades["exit_reason"] == "open").sum()
    assert closed.sum() > 5


def test_a_breakout_that_waits_for_a_new_signal_has_one_position():
    assert len(result_of("breakout", "strategy.reenter=new_signal").trades) == 1


def test_momentum_holds_the_best_two_of_each_choice():
    result = result_of("momentum_rank")
    config = load(FOLDER / "momentum_rank.yaml", SHORT["momentum_rank"])
    market = config.data.load()
    close = pd.DataFrame({name: pd.Series(bars.close, bars.times) for name, bars in market.bars.items()})
    close = close[list(result.positions.columns)].reindex(result.positions.index)
    momentum = (close.shift(21) / close.shift(252) - 1).to_numpy()
    held = np.zeros(close.shape)
    for bar in range(252, len(close)):
        held[bar] = held[bar - 1]
        if (bar - 252) % 21 == 0:
            held[bar] = momentum[bar] >= np.sort(momentum[bar])[-2]
    np.testing.assert_array_equal(np.sign(result.positions.to_numpy())[1:], held[:-1])
    assert len(np.unique(held, axis=0)) > 2


@pytest.mark.slow
@each
def test_the_audit_finds_no_leak(name, tmp_path):
    words = [word for word in SHORT[name] if not word.startswith("measures")]
    assert main(["audit", str(FOLDER / f"{name}.yaml"), "--out", str(tmp_path), "--quiet", *words]) == 0


SWEEP = "sweep={space: {risk.base: [0.003, 0.004]}, confirm: 2, spot_checks: 0, overfitting: {reps: 100}}"


@each
def test_a_sweep_of_it_is_planned_on_the_compiled_engine(name):
    plan = check_sweep(load(FOLDER / f"{name}.yaml", [*SHORT[name], SWEEP]))
    assert "on backtrader" not in plan


@pytest.mark.slow
@each
def test_it_is_swept_and_backtrader_confirms_it_fill_for_fill(name, tmp_path):
    words = [str(FOLDER / f"{name}.yaml"), "--out", str(tmp_path), "--quiet"]
    assert main([*words, *SHORT[name], *QUICK, SWEEP]) == 0
