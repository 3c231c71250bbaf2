"""The indicators against hand-worked cases, plain loops, and pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.types import Bars
from signals.features.lagged_return import LaggedReturn
from signals.features.macd import Macd
from signals.features.rsi import Rsi
from signals.features.sma import Sma
from signals.features.volatility import Volatility

NAN = math.nan
prices = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40)


def bars_of(close):
    close = np.array(close, dtype=float)
    times = pd.date_range("2020-01-01", periods=len(close), tz="UTC")
    return Bars("A", times, close, close, close, close, np.ones(len(close)))


def walk(count=400, seed=3):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))


def column(feature, close, number=0):
    return feature.compute(bars_of(close))[:, number]


def test_sma_by_hand():
    # means of 3: (2+4+6)/3 = 4, (4+6+2)/3 = 4, (6+2+4)/3 = 4
    np.testing.assert_array_equal(column(Sma(window=3), [2, 4, 6, 2, 4]), [NAN, NAN, 0.5, -0.5, 0.0])


@given(close=prices, window=st.integers(2, 10))
def test_sma_by_loop(close, window):
    values = column(Sma(window=window), close)
    for row in range(window - 1, len(close)):
        mean = math.fsum(close[row - window + 1 : row + 1]) / window
        assert values[row] == pytest.approx(close[row] / mean - 1, rel=1e-9, abs=1e-12)


def test_sma_of_the_first_design():
    close = pd.Series(walk())
    np.testing.assert_allclose(
        column(Sma(window=50), close), close / close.rolling(50).mean() - 1, rtol=1e-9, atol=1e-13
    )


def test_rsi_by_hand():
    # changes +1, -2, +3, +0: over 2: gain 1/2 loss 1 -> 100/3; gain 3/2 loss 1 -> 60; gain 3/2 loss 0 -> 100
    np.testing.assert_allclose(column(Rsi(window=2), [10, 11, 9, 12, 12]), [NAN, NAN, 100 / 3, 60, 100], rtol=1e-15)


def test_rsi_where_nothing_moves_or_nothing_falls():
    np.testing.assert_array_equal(column(Rsi(window=3), [5, 5, 5, 5, 6, 7])[3:], [50, 100, 100])
    # The rise leaves the window; what stays is exactly nothing, not a rounding rest of it.
    np.testing.assert_array_equal(column(Rsi(window=2), [0.1, 0.3, 0.3, 0.3])[2:], [100, 50])
    np.testing.assert_array_equal(column(Rsi(window=2), [3, 2, 1])[2:], [0])


def test_rsi_of_the_first_design():
    close = pd.Series(walk())
    change = close.diff()
    gain = change.where(change > 0, 0.0).rolling(14).mean()
    loss = (-change.where(change < 0, 0.0)).rolling(14).mean()
    np.testing.assert_allclose(column(Rsi(window=14), close)[14:], (100 - 100 / (1 + gain / loss))[14:], rtol=1e-9)


@given(close=prices, window=st.integers(2, 6))
def test_rsi_by_loop(close, window):
    values = column(Rsi(window=window), close)
    for row in range(window, len(close)):
        changes = np.diff(close[row - window : row + 1])
        gain = changes[changes > 0].sum()
        loss = -changes[changes < 0].sum()
        expected = 50 if gain + loss == 0 else 100 * gain / (gain + loss)
        assert values[row] == pytest.approx(expected, abs=1e-9)
        assert 0 <= values[row] <= 100


def test_macd_by_loop():
    close = walk()
    feature = Macd(fast=3, slow=6, signal=2)
    fast = close[0]
    slow = close[0]
    line = 0.0
    rows = []
    for price in close:
        fast = fast + 2 / 4 * (price - fast)
        slow = slow + 2 / 7 * (price - slow)
        line = line + 2 / 3 * (fast - slow - line)
        rows.append([(fast - slow) / price, line / price, (fast - slow - line) / price])
    values = feature.compute(bars_of(close))
    assert np.isnan(values[: feature.warmup]).all()
    np.testing.assert_allclose(values[feature.warmup :], rows[feature.warmup :], rtol=0, atol=1e-14)


def test_macd_of_the_first_design():
    close = pd.Series(walk())
    macd = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
    signal = macd.ewm(span=9, adjust=False).mean()
    values = Macd().compute(bars_of(close))[Macd().warmup :]
    expected = np.column_stack([macd, signal, macd - signal]) / close.to_numpy()[:, None]
    np.testing.assert_allclose(values, expected[Macd().warmup :], rtol=1e-9, atol=1e-14)


@settings(max_examples=50, deadline=None)
@given(fast=st.integers(1, 20), gap=st.integers(1, 40), signal=st.integers(1, 60), start=st.floats(0, 2))
def test_macd_forgets_where_it_began_within_its_warm_up(fast, gap, signal, start):
    """Two histories that differ in the first bar by up to its whole price, and in nothing else."""
    feature = Macd(fast=fast, slow=fast + gap, signal=signal)
    close = np.full(feature.warmup + 3, 100.0)
    other = close.copy()
    other[0] = max(100 * start, 1e-9)
    moved = np.abs(feature.compute(bars_of(close)) - feature.compute(bars_of(other)))[feature.warmup :]
    assert moved.max() < 1e-6


def test_macd_warm_up_is_no_longer_than_it_must_be():
    """It is longer than the slow average alone needs, by what the line adds: less than a tenth."""
    slow_alone = math.log(1e-6) / math.log(1 - 2 / 27)
    assert slow_alone < Macd().warmup < 1.1 * slow_alone


@pytest.mark.parametrize("fast", [26, 30])
def test_macd_refuses_crossed_spans(fast):
    with pytest.raises(ValidationError, match=f"must be below slow; fast is {fast}, slow is 26"):
        Macd(fast=fast)


def test_lagged_return_by_hand():
    values = LaggedReturn(lags=(0, 2)).compute(bars_of([1, 2, 3, 1.5, 3]))
    np.testing.assert_array_equal(values[3:], [[-0.5, 1.0], [1.0, 0.5]])
    assert LaggedReturn(lags=(0, 2)).warmup == 3
    assert LaggedReturn(lags=(0, 2)).names == ("return_lag_0", "return_lag_2")


@pytest.mark.parametrize(
    ("lags", "message"),
    [((1, 1), r"must be distinct; given \[1, 1\]"), ((), "at least 1 item"), ((-1,), "greater than or equal to 0")],
)
def test_lagged_return_refuses(lags, message):
    with pytest.raises(ValidationError, match=message):
        LaggedReturn(lags=lags)


def test_lags_are_read_from_yaml_lists():
    assert LaggedReturn.parse({"lags": [0, 5]}).lags == (0, 5)


def test_volatility_by_hand():
    # returns 1, 0.5, -0.5: mean 1/3, squares 4/9 + 1/36 + 25/36 = 7/6, over 2 -> sqrt(7/12)
    assert column(Volatility(window=3), [1, 2, 3, 1.5])[3] == pytest.approx(math.sqrt(7 / 12), rel=1e-15)


def test_volatility_is_numpys():
    close = walk()
    returns = close[1:] / close[:-1] - 1
    expected = [np.std(returns[row - 20 : row], ddof=1) for row in range(20, len(close))]
    np.testing.assert_allclose(column(Volatility(window=20), close)[20:], expected, rtol=1e-12)


def test_an_outlier_leaves_no_trace_once_it_has_left_the_window():
    close = [100, 1e9, 100, 100, 100, 100, 100]
    assert column(Volatility(window=3), close)[-1] == 0
    assert column(Sma(window=3), close)[-1] == 0


@pytest.mark.parametrize("feature", [Sma, Volatility])
def test_windows_of_one_bar_are_refused(feature):
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        feature(window=1)


@pytest.mark.parametrize("window", [1, 0, -3])
def test_rsi_of_one_bar_is_refused_with_the_reason(window):
    with pytest.raises(ValidationError, match="must be at least 2: over one bar the index is only ever 0 or 100"):
        Rsi(window=window)
