import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.types import Bars, Market
from signals.features.lagged_return import LaggedReturn
from signals.features.sma import Sma
from signals.labels.forward_return import ForwardReturn
from signals.panel import build_panel

FEATURES = (Sma(window=5), LaggedReturn(lags=(0, 3)))


def bars_of(symbol, first, count, seed=0):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))
    times = pd.date_range(first, periods=count, tz="UTC").as_unit("ns")
    return Bars(symbol, times, close * 1.001, close, close, close, close)


A = bars_of("A", "2020-01-01", 20)
B = bars_of("B", "2020-01-05", 12, seed=1)
C = bars_of("C", "2020-01-01", 3)


def market_of(*bars, trade):
    return Market({item.symbol: item for item in bars}, trade, "C", "UTC")


def test_rows_are_stacked_symbol_by_symbol_without_their_warm_up():
    panel = build_panel(market_of(A, B, C, trade=("B", "A")), FEATURES, ForwardReturn(horizon=2))
    assert panel.symbols == ("B", "A")
    assert panel.names == ("sma_5", "return_lag_0", "return_lag_3")
    assert len(panel) == (12 - 4) + (20 - 4)
    np.testing.assert_array_equal(panel.symbol, [0] * 8 + [1] * 16)
    np.testing.assert_array_equal(panel.first, [0] * 8 + [8] * 16)
    assert list(panel.times) == [*B.times[4:], *A.times[4:]]
    np.testing.assert_array_equal(panel.close, [*B.close[4:], *A.close[4:]])


def test_rows_hold_the_features_and_labels_of_their_own_bar():
    panel = build_panel(market_of(A, B, C, trade=("A", "B")), FEATURES, ForwardReturn(horizon=2))
    row = int(np.flatnonzero((panel.symbol == 1) & (panel.times == B.times[9]))[0])
    assert panel.X[row, 1] == B.close[9] / B.close[8] - 1
    assert panel.y[row] == B.close[11] / B.close[9] - 1
    assert panel.known_at[row] == B.times[11]
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(panel.y)), [14, 15, 22, 23])
    assert panel.known_at[[14, 15, 22, 23]].isna().all()
    assert np.isfinite(panel.X).all()


def test_nothing_in_it_can_be_changed():
    panel = build_panel(market_of(A, C, trade=("A",)), FEATURES, ForwardReturn())
    for array in (panel.X, panel.y, panel.close, panel.symbol):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_traded_symbol_with_too_few_bars_is_named():
    with pytest.raises(DataError, match="C: has 3 bars, but feature sma_5 needs at least 5"):
        build_panel(market_of(A, C, trade=("A", "C")), FEATURES, ForwardReturn())


@pytest.mark.parametrize("label", [ForwardReturn(horizon=2), ForwardReturn(form="volatility", window=3)])
@pytest.mark.parametrize("last", [None, 6])
def test_a_panel_without_labels_is_the_same_in_all_that_is_known_without_them(label, last):
    market = market_of(A, B, C, trade=("A", "B"))
    full = build_panel(market, FEATURES, label, last=last)
    panel = build_panel(market, FEATURES, label, last=last, labelled=False)
    for name in ("X", "unit", "spread", "close", "symbol"):
        assert getattr(panel, name).tobytes() == getattr(full, name).tobytes()
    assert panel.times.equals(full.times)
    assert np.isnan(panel.y).all()
    assert np.isnan(panel.last).all()
    assert panel.known_at.isna().all()
    assert len(panel.known_at) == len(panel)
