"""The indicators that the first design did not have, against hand-worked cases, plain loops, and TA-Lib or pandas."""

import math

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import ConfigError, DataError
from core.types import Bars, Market
from signals.feature_frame import feature_frame
from signals.features.atr import Atr
from signals.features.bollinger import Bollinger
from signals.features.calendar import Calendar
from signals.features.cross_return import CrossReturn
from signals.features.drawdown_from_high import DrawdownFromHigh
from signals.features.lagged_return import LaggedReturn
from signals.features.macd import Macd
from signals.features.momentum import Momentum
from signals.features.parkinson import Parkinson
from signals.features.realised_volatility import RealisedVolatility
from signals.features.rsi import Rsi
from signals.features.sma import Sma
from signals.features.volatility import Volatility
from signals.features.volume_zscore import VolumeZscore
from signals.features.wilder_rsi import WilderRsi

NAN = math.nan
OF_BARS = [
    Atr(window=3),
    Bollinger(window=5),
    DrawdownFromHigh(window=7),
    LaggedReturn(),
    Macd(fast=2, slow=4, signal=2),
    Momentum(horizons=(1, 5)),
    Parkinson(window=4),
    RealisedVolatility(window=4),
    Rsi(window=3),
    Sma(window=4),
    Volatility(window=4),
    VolumeZscore(window=5),
    WilderRsi(window=2),
]
every_feature = pytest.mark.parametrize("feature", OF_BARS, ids=lambda feature: feature.kind)


def bars_of(close, high=None, low=None, volume=None, times=None, symbol="A"):
    close = np.array(close, dtype=float)
    given = [close if item is None else np.array(item, dtype=float) for item in (high, low)]
    volume = np.ones(len(close)) if volume is None else np.array(volume, dtype=float)
    times = pd.date_range("2020-01-01", periods=len(close), tz="UTC") if times is None else pd.DatetimeIndex(times)
    return Bars(symbol, times, close, *given, close, volume)


def walk(count=1000, seed=3, tick=None):
    """Bars of a walk: close, high and low, which are ticks apart where a tick is given."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, count)))
    high, low = (close * np.exp(side * np.abs(rng.normal(0, 0.01, count))) for side in (1, -1))
    if tick:
        close, high, low = (np.round(item / tick) * tick for item in (close, high, low))
    return bars_of(close, high, low, np.exp(rng.normal(10, 1, count)))


def column(feature, bars, number=0):
    return feature.compute(bars)[:, number]


def test_wilder_rsi_by_hand():
    # Changes +2, -1, +2, -3 after rest: gain 1, loss 0; then 1/2 and 1/2; then 5/4 and 1/4; then 5/8 and 13/8.
    values = column(WilderRsi(window=2), bars_of([10] * 40 + [12, 11, 13, 10]))
    assert WilderRsi(window=2).warmup == 2 + 34
    assert np.isnan(values[:36]).all()
    np.testing.assert_allclose(values[36:], [50] * 4 + [100, 50, 250 / 3, 250 / 9], rtol=1e-14)


@pytest.mark.parametrize("window", [2, 5, 14])
def test_wilder_rsi_is_talibs(window):
    bars = walk()
    feature = WilderRsi(window=window)
    expected = talib.RSI(np.array(bars.close), window)
    np.testing.assert_allclose(column(feature, bars)[feature.warmup :], expected[feature.warmup :], rtol=1e-9)


def test_wilder_rsi_at_its_ends_and_where_nothing_moves():
    up = np.arange(1.0, 500.0)
    assert set(column(WilderRsi(), bars_of(up))[325:]) == {100.0}
    assert set(column(WilderRsi(), bars_of(up[::-1]))[325:]) == {0.0}
    still = column(WilderRsi(), bars_of([10, 12, 11] + [11] * 1000))
    assert set(still[800:]) == {50.0}  # what moved is forgotten, and its quotient with it
    assert set(column(WilderRsi(), bars_of(np.full(400, 0.1)))[325:]) == {50.0}


def test_atr_by_hand():
    # True ranges from the second bar on: max(12, 10) - min(9, 10) = 3, max(11, 11) - min(8, 11) = 3, then a gap up
    # from 9: max(15, 9) - min(14, 9) = 6. Over 2: 3, then 3 + (6 - 3) / 2 = 4.5. The later ones are 0.
    close = [10, 11, 9, 15] + [15] * 40
    high = [11, 12, 11, 15] + [15] * 40
    low = [9, 9, 8, 14] + [15] * 40
    values = column(Atr(window=2), bars_of(close, high, low))
    first = Atr(window=2).warmup
    assert first == 2 + 20
    assert np.isnan(values[:first]).all()
    assert values[first] == pytest.approx(4.5 / 2 ** (first - 3) / 15, rel=1e-12)


@pytest.mark.parametrize("window", [1, 5, 14])
def test_atr_is_talibs(window):
    bars = walk()
    feature = Atr(window=window)
    expected = talib.ATR(*(np.array(getattr(bars, name)) for name in ("high", "low", "close")), window) / bars.close
    np.testing.assert_allclose(column(feature, bars)[feature.warmup :], expected[feature.warmup :], rtol=1e-9)


@settings(max_examples=60)
@given(window=st.integers(2, 30), start=st.floats(0.5, 2), feature=st.sampled_from([Atr, WilderRsi]))
def test_the_start_is_forgotten_within_the_warm_up(window, start, feature):
    """Two histories that differ in the first bars by up to their whole price, and in nothing else."""
    feature = feature(window=window)
    bars = walk(feature.warmup + 5)
    scale = np.where(np.arange(len(bars)) < 1, start, 1.0)
    other = bars_of(bars.close * scale, bars.high * scale, bars.low * scale)
    moved = np.abs(feature.compute(bars) - feature.compute(other))[feature.warmup :]
    assert len(moved) == 5
    assert moved.max() < 1e-6


def test_bollinger_by_hand():
    # 2, 4, 6: mean 4, deviation sqrt(8/3); the bands are 2 deviations off, and 6 is 2 above the mean.
    spread = math.sqrt(8 / 3)
    b, width = Bollinger(window=3).compute(bars_of([2, 4, 6]))[2]
    assert b == pytest.approx(0.5 + 2 / (4 * spread), rel=1e-14)
    assert width == pytest.approx(4 * spread / 4, rel=1e-14)
    assert Bollinger(deviations=2.5).names == ("bollinger_b_20_2.5", "bollinger_width_20_2.5")


def test_bollinger_is_talibs():
    bars = walk()
    upper, middle, lower = talib.BBANDS(np.array(bars.close), 20, 2.5, 2.5)
    values = Bollinger(window=20, deviations=2.5).compute(bars)[19:]
    np.testing.assert_allclose(values[:, 0], ((bars.close - lower) / (upper - lower))[19:], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(values[:, 1], ((upper - lower) / middle)[19:], rtol=1e-6)


def test_momentum_by_hand():
    values = Momentum(horizons=(2, 1)).compute(bars_of([1, 2, 4, 3]))
    np.testing.assert_array_equal(values[2:], [[3.0, 1.0], [0.5, -0.25]])
    assert Momentum(horizons=(2, 1)).names == ("momentum_2", "momentum_1")


def test_momentum_is_pandas_and_talibs():
    bars = walk()
    values = Momentum(horizons=(5, 60)).compute(bars)
    np.testing.assert_allclose(values[:, 0], pd.Series(bars.close).pct_change(5), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(values[:, 1], talib.ROCP(np.array(bars.close), 60), rtol=1e-9, atol=1e-14)


def test_realised_volatility_by_hand_and_beside_volatility():
    doubling = bars_of([1, 2, 4, 8, 4])
    # Each log return is ln 2: a trend has realised volatility, and no standard deviation.
    assert column(RealisedVolatility(window=3), doubling)[3] == pytest.approx(math.log(2), rel=1e-15)
    assert column(RealisedVolatility(window=2), doubling)[4] == pytest.approx(math.log(2), rel=1e-15)
    assert column(Volatility(window=3), doubling)[3] == 0
    returns = np.diff(np.log(walk().close))
    expected = [math.sqrt(np.mean(returns[row - 20 : row] ** 2)) for row in range(20, 1000)]
    np.testing.assert_allclose(column(RealisedVolatility(window=20), walk())[20:], expected, rtol=1e-12)


def test_parkinson_by_hand():
    # ln(high / low) is 1 and 2: (1 + 4) / 2 / (4 ln 2)
    bars = bars_of([1, 1], [math.e, math.e], [1, 1 / math.e])
    assert column(Parkinson(window=2), bars)[1] == pytest.approx(math.sqrt(2.5 / (4 * math.log(2))), rel=1e-14)


def test_parkinson_estimates_the_volatility_of_a_walk_that_is_watched_at_every_moment():
    rng = np.random.default_rng(0)
    path = np.exp(np.cumsum(rng.normal(0, 0.01 / math.sqrt(2000), (1000, 2000)), axis=1))
    bars = bars_of(path[:, -1], np.maximum(path.max(axis=1), 1), np.minimum(path.min(axis=1), 1))
    assert column(Parkinson(window=1000), bars)[-1] == pytest.approx(0.01, rel=0.04)


def test_volume_zscore_by_hand():
    # log(1 + volume) is 0, 0 and 3: mean 1, deviation sqrt(6 / 2).
    values = column(VolumeZscore(window=3), bars_of([1] * 4, volume=[0, 0, math.expm1(3), math.expm1(3)]))
    assert values[2] == pytest.approx(2 / math.sqrt(3), rel=1e-14)
    assert values[2] == pytest.approx((3 - 1) / math.sqrt(3), rel=1e-14)  # the bound


def test_volume_zscore_is_pandas():
    bars = walk()
    volume = pd.Series(np.log1p(bars.volume))
    expected = (volume - volume.rolling(20).mean()) / volume.rolling(20).std()
    np.testing.assert_allclose(column(VolumeZscore(window=20), bars), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("volume", [0.0, 7.0, 123456.0])
def test_equal_volumes_are_not_unusual(volume):
    assert set(column(VolumeZscore(window=5), bars_of(np.ones(30), volume=np.full(30, volume)))[4:]) == {0.0}


def test_drawdown_by_hand():
    values = column(DrawdownFromHigh(window=3), bars_of([4, 8, 6, 4, 4, 5]))
    np.testing.assert_allclose(values, [NAN, NAN, -0.25, -0.5, -1 / 3, 0.0], rtol=1e-15)


@given(close=st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=60), window=st.integers(2, 30))
def test_drawdown_by_loop(close, window):
    values = column(DrawdownFromHigh(window=window), bars_of(close))
    for row in range(window - 1, len(close)):
        assert values[row] == close[row] / max(close[row - window + 1 : row + 1]) - 1
        assert -1 < values[row] <= 0


@every_feature
@settings(max_examples=60)
@given(data=st.data())
def test_any_prices_give_finite_values(feature, data):
    """Ties, stretches without movement, gaps of nine digits, no volume."""
    price = st.sampled_from([1.0, 1.01, 7.0, 7.0, 7.0, 1e-3, 1e6]) | st.floats(1e-3, 1e6)
    runs = data.draw(st.lists(st.tuples(price, st.integers(1, 15)), min_size=12, max_size=20))
    close = np.repeat([price for price, _ in runs], [length for _, length in runs])
    wide = data.draw(st.floats(0, 1))
    volume = data.draw(st.sampled_from([0.0, 1.0, 1e12])) * (np.arange(len(close)) % 3)
    bars = bars_of(close, close * (1 + wide), close / (1 + wide), volume)
    values = feature.compute(bars)[feature.warmup :]
    assert np.isfinite(values).all()
    part = Bars.of("A", bars.frame.iloc[: len(close) - 3])
    assert feature.compute(part).tobytes() == feature.compute(bars)[: len(part)].tobytes()


STILL = {"rsi_3": 50.0, "wilder_rsi_2": 50.0, "bollinger_b_5_2": 0.5}


@every_feature
@pytest.mark.parametrize("price", [0.1, 1.0, 12345.67])
def test_where_prices_never_move_each_has_the_value_that_it_states(feature, price):
    values = feature.compute(bars_of(np.full(120, price), volume=np.zeros(120)))[feature.warmup :]
    expected = [STILL.get(name, 0.0) for name in feature.names]
    np.testing.assert_allclose(values, np.tile(expected, (len(values), 1)), rtol=0, atol=1e-15)


@every_feature
def test_no_scale_is_left(feature):
    """Times a power of two, which changes no digit of a ratio."""
    bars = walk()
    scaled = bars_of(bars.close * 1024, bars.high * 1024, bars.low * 1024, bars.volume)
    np.testing.assert_array_equal(feature.compute(scaled), feature.compute(bars))


def calendar_of(*times, zone="America/New_York", cycles=("weekday", "month_turn", "month")):
    times = pd.DatetimeIndex(list(times), tz="UTC").as_unit("ns")
    market = Market({"A": bars_of(np.ones(len(times)), times=times)}, ("A",), "A", zone)
    return Calendar(cycles=cycles).of(market, "A")


def test_calendar_by_hand():
    # Thursday, 31 July 2025: 3/7 of the week, 30/31 of the month, 6/12 of the year.
    [row] = calendar_of("2025-07-31 20:00")
    angles = 2 * np.pi * np.array([3 / 7, 30 / 31, 1 / 2])
    np.testing.assert_allclose(row, np.column_stack([np.sin(angles), np.cos(angles)]).ravel(), atol=1e-15)


def test_the_calendar_is_that_of_the_markets_zone():
    [monday] = calendar_of("2025-06-01 23:00", zone="Asia/Tokyo", cycles=("weekday",))  # 8 in the morning of the 2nd
    [sunday] = calendar_of("2025-06-01 23:00", zone="UTC", cycles=("weekday",))
    np.testing.assert_allclose(monday, [0, 1], atol=1e-15)
    np.testing.assert_allclose(sunday, [math.sin(12 * math.pi / 7), math.cos(12 * math.pi / 7)], atol=1e-15)


def test_around_the_turn_of_the_month_the_cosine_is_near_one():
    days = [f"2025-{day} 20:00" for day in ("01-31", "02-01", "02-02", "02-15")]
    cosine = calendar_of(*days, cycles=("month_turn",))[:, 1]
    assert cosine[1] == 1
    assert cosine[[0, 2]].min() > 0.97
    assert cosine[3] == pytest.approx(-1)


def market_of(own_days, other_days, other_close, other_hour=22):
    symbol_values = pd.DatetimeIndex(own_days, tz="UTC") + pd.Timedelta("21h")
    other = pd.DatetimeIndex(other_days, tz="UTC") + pd.Timedelta(hours=other_hour)
    bars = {
        "A": bars_of(np.arange(1.0, len(symbol_values) + 1), times=symbol_values),
        "B": bars_of(other_close, times=other, symbol="B"),
    }
    return Market(bars, ("A",), "B", "America/New_York")


DAYS = pd.date_range("2024-01-01", periods=14)


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        (22, [0.25, 0.5, 0.5]),  # it closes an hour later: what is known is the close of the day before
        (21, [0.5, 0.5, -0.5]),  # it closes at the same moment
        (7, [0.5, 0.5, -0.5]),  # it has closed already
    ],
)
def test_cross_return_by_hand(hour, expected):
    """Of the last days: +25 %, +50 %, no bar (a holiday there), -50 %; before them nothing moves."""
    close = [8.0] * 10 + [10.0, 15.0, 7.5]
    market = market_of(DAYS, DAYS.delete(12), close, hour)
    np.testing.assert_allclose(CrossReturn().of(market, "A")[11:, 0], expected, rtol=1e-15)
    np.testing.assert_array_equal(CrossReturn(symbol="B").of(market, "A"), CrossReturn().of(market, "A"))
    assert CrossReturn().others(market) == ("B",)


def test_cross_return_over_several_bars():
    market = market_of(DAYS, DAYS, 2.0 ** np.arange(14), 20)
    assert set(CrossReturn(bars=3).of(market, "A")[13:, 0]) == {7.0}
    assert CrossReturn(bars=3).warmup == 13


def test_cross_return_of_itself_is_its_own():
    market = market_of(DAYS, DAYS, np.ones(14))
    symbol_values = CrossReturn(symbol="A").of(market, "A")[11:, 0]
    np.testing.assert_array_equal(symbol_values, Momentum(horizons=(1,)).compute(market.bars["A"])[11:, 0])


def test_a_symbol_that_the_market_does_not_have_is_one_clear_line():
    with pytest.raises(ConfigError, match=r"cross_return_OIL_1: there is no symbol 'OIL' in the data; known: A, B$"):
        CrossReturn(symbol="OIL").of(market_of(DAYS, DAYS, np.ones(14)), "A")
    with pytest.raises(ConfigError, match="known: A, B"):
        CrossReturn(symbol="OIL").others(market_of(DAYS, DAYS, np.ones(14)))


def test_another_symbol_that_begins_too_late_is_one_clear_line():
    """Eleven bars after the start of A, B has one bar; one day more would do."""
    message = (
        r"A: feature cross_return_benchmark_1 needs 2 bars of B at 2024-01-12T21:00:00\+00:00, the end of its warm-up "
        r"of 11 bars; there are 1; begin later \(data.start\), or take another symbol$"
    )
    with pytest.raises(DataError, match=message):
        feature_frame(market_of(DAYS, DAYS[10:], np.ones(4)), "A", [CrossReturn()])
    with pytest.raises(DataError, match="there are 0"):
        CrossReturn().of(market_of(DAYS, DAYS[13:], np.ones(1)), "A")
    assert np.isfinite(CrossReturn().of(market_of(DAYS, DAYS[9:], np.ones(5)), "A")[11:]).all()
    # A history that ends within the warm-up has nothing to refuse.
    assert np.isnan(CrossReturn().of(market_of(DAYS[:11], DAYS[13:], np.ones(1)), "A")).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WilderRsi(window=1), "greater than or equal to 2"),
        (lambda: Atr(window=0), "greater than 0"),
        (lambda: Bollinger(window=1), "greater than or equal to 2"),
        (lambda: Bollinger(deviations=0.0), "greater than 0"),
        (lambda: Momentum(horizons=(5, 5)), r"must be distinct; given \[5, 5\]"),
        (lambda: Momentum(horizons=()), "at least 1 item"),
        (lambda: Momentum(horizons=(0,)), "greater than 0"),
        (lambda: RealisedVolatility(window=0), "greater than 0"),
        (lambda: Parkinson(window=0), "greater than 0"),
        (lambda: VolumeZscore(window=1), "greater than or equal to 2"),
        (lambda: DrawdownFromHigh(window=1), "greater than or equal to 2"),
        (lambda: Calendar(cycles=("week",)), "'weekday', 'month_turn' or 'month'"),
        (lambda: Calendar(cycles=("month", "month")), "must be distinct; given month, month"),
        (lambda: CrossReturn(bars=0), "greater than 0"),
    ],
)
def test_parameters_that_cannot_be_right_are_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()
