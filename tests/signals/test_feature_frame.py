from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, DataError
from core.types import Bars, Market
from signals.feature_frame import feature_frame as frame_of
from signals.feature_frame import feature_rows
from signals.features.base import BarFeature
from signals.features.lagged_return import LaggedReturn
from signals.features.macd import Macd
from signals.features.rsi import Rsi
from signals.features.sma import Sma
from signals.features.volatility import Volatility


def bars_of(count):
    close = 100 + np.arange(float(count))
    times = pd.date_range("2020-01-01 21:00", periods=count, tz="UTC")
    return Bars("ABC", times, close, close, close, close, close)


def feature_frame(bars, features):
    return frame_of(Market({"ABC": bars}, ("ABC",), "ABC", "America/New_York"), "ABC", features)


class Broken(BarFeature):
    """Infinite at one row."""

    @property
    def warmup(self):
        return 1

    @property
    def names(self):
        return ("broken",)

    def compute(self, bars):
        values = np.zeros((len(bars), 1))
        values[0] = np.nan
        values[7] = np.inf
        return values


class Misshapen(Broken):
    """Two columns for one name."""

    def compute(self, bars):
        return np.zeros((len(bars), 2))


def test_columns_stand_in_the_order_of_the_config():
    frame = feature_frame(bars_of(300), (Sma(window=50), Macd(), LaggedReturn(lags=(1,))))
    assert frame.names == ("sma_50", "macd_12_26", "macd_signal_12_26_9", "macd_gap_12_26_9", "return_lag_1")
    assert frame.warmup == Macd().warmup
    assert frame.values.shape == (300, 5)
    np.testing.assert_array_equal(frame.values[:, 0], Sma(window=50).compute(bars_of(300))[:, 0])


def test_values_cannot_be_changed():
    frame = feature_frame(bars_of(20), (Sma(window=5),))
    with pytest.raises(ValueError, match="read-only"):
        frame.values[3, 0] = 1


@pytest.mark.parametrize("count", [0, 20, 49])
def test_a_history_shorter_than_a_window_is_one_clear_line(count):
    with pytest.raises(DataError, match=f"ABC: has {count} bars, but feature sma_50 needs at least 50; take a longer"):
        feature_frame(bars_of(count), (Sma(window=5) if count else Rsi(), Sma(window=50))[count == 0 :])


def test_one_bar_after_the_warm_up_is_enough():
    assert np.isfinite(feature_frame(bars_of(50), (Sma(window=50),)).values[-1]).all()


def test_a_value_that_is_not_finite_is_named_with_its_place():
    with pytest.raises(DataError, match="ABC: feature broken is inf at 2020-01-08T21:00:00"):
        feature_frame(bars_of(20), (Sma(window=5), Broken()))


def test_a_wrong_shape_is_refused():
    with pytest.raises(DataError, match=r"shape \(20, 2\), must be \(20, 1\)"):
        feature_frame(bars_of(20), (Misshapen(),))


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="features: return_lag_0 is there twice"):
        feature_frame(bars_of(60), (LaggedReturn(lags=(0, 1)), Sma(), LaggedReturn(lags=(2, 0))))


def test_no_feature_is_refused():
    with pytest.raises(ConfigError, match="features: there is none"):
        feature_frame(bars_of(60), ())


def test_the_last_rows_of_a_frame_are_those_of_all_bars(monkeypatch):
    """Windowed features beside one that uses all bars, from every first row on."""
    monkeypatch.setattr("signals.feature_frame.WORTH_CUTTING", 1)
    features = (Sma(window=5), Macd(fast=2, slow=4, signal=2), LaggedReturn(lags=(0, 3)), Volatility(window=7))
    rng = np.random.default_rng(3)
    bars = replace(bars_of(120), close=100 * np.exp(np.cumsum(rng.normal(0, 0.02, 120))))
    market = Market({"ABC": bars}, ("ABC",), "ABC", "America/New_York")
    every = frame_of(market, "ABC", features)
    assert 0 < every.warmup < 100
    for first in range(len(bars)):
        late = frame_of(market, "ABC", features, first)
        assert late.values.tobytes() == every.values[first:].tobytes()
        assert late.warmup == max(every.warmup - first, 0)
        for feature in features:
            rows = feature_rows(market, "ABC", feature, len(bars) - first)
            assert rows.tobytes() == feature_rows(market, "ABC", feature)[first:].tobytes()


@pytest.mark.parametrize(("count", "expected"), [(2_400, 10 + 19), (2_010, 2_010)])
def test_of_a_long_history_a_windowed_feature_gets_no_more_than_it_needs(count, expected):
    """Its window's bars and the rows asked for; of a short one all, which takes less time than to cut it."""
    lengths = []

    class Counting(Sma):
        windowed = True

        def compute(self, bars):
            lengths.append(len(bars))
            return super().compute(bars)

    market = Market({"ABC": bars_of(count)}, ("ABC",), "ABC", "America/New_York")
    frame_of(market, "ABC", (Counting(window=20),), count - 10)
    assert lengths == [expected]


def test_a_feature_with_a_computation_of_its_own_makes_the_promise_itself():
    class Recursive(Sma):
        def compute(self, bars):
            return super().compute(bars)

    class Renamed(Sma):
        pass

    assert not Recursive.windowed
    assert Renamed.windowed
