"""A market with a planted signal, shared by the tests of everything that trains."""

import numpy as np
import pandas as pd
import pytest

from core.types import COLUMNS, Bars, Market


@pytest.fixture(scope="session")
def make_market():
    """Builds markets: AR(1) returns, a given number of bars a symbol; later symbols may start later."""

    def build(bars=420, symbols="A", coefficient=0.4, seed=0, late=0):
        days = pd.bdate_range("2001-01-02", periods=bars, tz="UTC") + pd.Timedelta("21h")
        columns = {
            name: _bars(name, days[late * index :], coefficient, [seed, index]) for index, name in enumerate(symbols)
        }
        return Market(columns, tuple(symbols), symbols[0], "America/New_York")

    return build


@pytest.fixture(scope="session")
def with_future(redrawn):
    """Replaces every bar of a market from a time on by another one: the same shape, another future."""

    def replace(market, first, how):
        def changed(bars):
            return Bars.of(bars.symbol, redrawn(bars.frame, int(bars.times.searchsorted(first)), how))

        columns = {symbol: changed(bars) for symbol, bars in market.bars.items()}
        return Market(columns, market.trade, market.benchmark, market.zone)

    return replace


def _bars(name, times, coefficient, seed):
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.01, len(times))
    for row in range(1, len(moves)):
        moves[row] += coefficient * moves[row - 1]
    close = 100 * np.exp(np.cumsum(moves))
    opened = close * np.exp(rng.normal(0, 0.002, len(times)))
    high = np.maximum(opened, close) * 1.002
    low = np.minimum(opened, close) * 0.998
    volume = rng.integers(1, 1000, len(times)).astype(float)
    return Bars.of(name, pd.DataFrame(dict(zip(COLUMNS, (opened, high, low, close, volume), strict=True)), index=times))
