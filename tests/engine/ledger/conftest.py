"""A folder for the ledger, and made-up markets."""

import numpy as np
import pandas as pd
import pytest

from core.types import COLUMNS, Bars, Market


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The ledger of a test."""
    monkeypatch.setenv("BACKTRADER_ML_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def bars_of(symbol, close, times):
    columns = (close, close * 1.01, close * 0.99, close, np.ones(len(close)))
    return Bars.of(symbol, pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=times))


@pytest.fixture
def market_of():
    """Make a market of one random walk: daily closes at 21:00 UTC unless other times are given."""

    def make(symbol="A", days=300, seed=0, times=None, scale=1.0, decimals=None):
        times = pd.bdate_range("2015-01-05", periods=days, tz="UTC") + pd.Timedelta("21h") if times is None else times
        moves = np.random.default_rng(seed).normal(0, 0.01, len(times))
        close = 50 * np.exp(np.cumsum(moves)) * scale
        close = close if decimals is None else close.round(decimals)
        return Market({symbol: bars_of(symbol, close, times)}, (symbol,), symbol, "America/New_York")

    return make
