"""The page for those who come from other tools: its backtrader script and its config make the same trades."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from core.types import Bars, Market, SignalFrame
from engine import run
from engine.backtest.bt import engine
from engine.sweep.load_config import load

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "porting.md").read_text(encoding="utf-8")
STOCK, HERE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[CONFIG] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SHIPPED = ROOT / "configs" / "strategies" / "bracket_cross.yaml"


QUICK = ("measures={intervals: {reps: 0}, var_methods: [gaussian]}",)


@pytest.fixture(scope="module")
def page():
    """What the page's backtrader script leaves behind; test_docs.py runs all of the page's Python."""
    values = {"__name__": "__main__"}  # where backtrader looks for a strategy's module
    exec(STOCK, values)  # noqa: S102 - the page's own code
    return values


@pytest.fixture(scope="module")
def ours():
    assert 'run("configs/strategies/bracket_cross.yaml")' in HERE
    return run(SHIPPED, overrides=QUICK).trades


def paired(fills):
    """Entry and exit of each trade: days, size, prices; a position that is still open has no exit."""
    rows = [(*entry, *leave[::2]) for entry, leave in zip(fills[::2], fills[1::2], strict=False)]
    return rows + [(*entry, None, None) for entry in fills[len(rows) * 2 :]]


def require_same_trades(ours, fills, commission):
    stock = paired(fills)
    assert len(ours) == len(stock)
    for trade, (entered, size, price, left, exit_price) in zip(ours.itertuples(), stock, strict=True):
        assert trade.entered_at.date() == entered
        assert (trade.size, trade.entry_price) == (pytest.approx(size, rel=1e-9), pytest.approx(price, rel=1e-12))
        if left is None:
            assert trade.exit_reason == "open"
            continue
        assert trade.exited_at.date() == left
        assert trade.exit_price == pytest.approx(exit_price, rel=1e-12)
        profit = size * (exit_price - price) - commission * size * (exit_price + price)
        assert trade.pnl == pytest.approx(profit, abs=1e-7)


@pytest.mark.slow
def test_both_make_the_same_trades_on_the_sample(page, ours):
    require_same_trades(ours, page["theirs"], 0.001)
    assert {"stop", "take_profit", "signal"} <= set(ours["exit_reason"])
    assert f"the same {len(ours)} trades" in PAGE


@pytest.mark.slow
def test_without_the_key_it_enters_again_as_often_as_the_page_says(ours):
    always = run(SHIPPED, overrides=[*QUICK, "strategy.reenter=always"]).trades
    assert re.search(rf"is above: {len(always)} trades", PAGE)
    assert len(always) > len(ours)


def test_the_config_of_the_page_is_the_one_that_is_shipped():
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    assert shipped == {"version": 1, **yaml.safe_load(CONFIG)}


def market_of(seed, days=900):
    """Prices in which the fast average begins below the slow one, without gaps that pass a stop or a target."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0.0, 0.015, days)
    moves[:60] -= 0.004
    close = 100.0 * np.exp(np.cumsum(moves))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, 0.004, days))
    high = np.maximum(opened, close) * np.exp(rng.exponential(0.004, days))
    low = np.minimum(opened, close) * np.exp(-rng.exponential(0.004, days))
    times = pd.bdate_range("2020-01-01", periods=days, tz="UTC") + pd.Timedelta("21h")
    return pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1e6}, index=times)


@pytest.mark.parametrize("seed", range(8))
def test_both_make_the_same_trades_on_random_markets(seed, page):
    frame = market_of(seed)
    config = load(SHIPPED)
    bars = Bars.of("x", frame)
    prediction = config.model.signal(bars)[:, None]
    assert prediction[49, 0] < 0.0
    confidence = np.where(np.isnan(prediction), np.nan, 1.0)
    signals = SignalFrame(bars.times, ("x",), prediction, confidence, np.where(np.isnan(prediction[:, 0]), -1, 0))
    market = Market({"x": bars}, ("x",), "x", "UTC")
    ours = engine.run(market, signals, config.strategy, config.risk, config.broker, "0" * 12).trades
    naive = frame.set_axis(frame.index.tz_localize(None).normalize())
    require_same_trades(ours, page["fills_of"](naive), config.broker.commission)
    assert len(ours) >= 5
