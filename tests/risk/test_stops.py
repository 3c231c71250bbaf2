"""Distances of stops and targets, against Wilder's recursion written out and by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError, DataError
from core.types import Bars
from risk.stops import Atr, Distances, Percent, TrailAtr, TrailPercent, average_true_range, stop_price, target_price

# The worked example of a 14-day range in many textbooks has this form; here with a window of 3, by hand:
HIGH = [10.0, 12.0, 11.0, 15.0, 14.0]
LOW = [8.0, 9.0, 10.0, 11.0, 13.0]
CLOSE = [9.0, 11.0, 10.5, 14.0, 13.0]
RANGES = [3.0, 1.0, 4.5, 1.0]  # from the second bar on: 12 - 9; 11 - 10; 15 - 10.5; max(1, 0, 1)


def bars(high=HIGH, low=LOW, close=CLOSE):
    index = pd.date_range("2024-01-01", periods=len(close), tz="UTC")
    return Bars.of("X", pd.DataFrame({"open": close, "high": high, "low": low, "close": close, "volume": 1.0}, index))


def test_the_average_true_range_by_hand():
    result = average_true_range(*map(np.array, (HIGH, LOW, CLOSE)), window=3)
    first = sum(RANGES[:3]) / 3
    assert np.isnan(result[:3]).all()
    assert result[3:].tolist() == pytest.approx([first, (first * 2 + RANGES[3]) / 3])


@given(st.integers(1, 20), st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_the_average_true_range_is_an_exponential_mean_that_begins_with_a_plain_one(window, rows, seed):
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.02, rows)))
    high = close * (1 + generator.uniform(0, 0.03, rows))
    low = close * (1 - generator.uniform(0, 0.03, rows))
    result = average_true_range(high, low, close, window)
    frame = pd.DataFrame({"a": high - low, "b": abs(high - np.roll(close, 1)), "c": abs(low - np.roll(close, 1))})
    ranges = frame.max(axis=1)[1:]
    if len(ranges) < window:
        assert np.isnan(result).all()
        return
    seeded = pd.concat([pd.Series([ranges[:window].mean()]), ranges[window:]])
    expected = seeded.ewm(alpha=1 / window, adjust=False).mean().to_numpy()
    assert result[window:] == pytest.approx(expected)


@given(st.integers(1, 5))
def test_no_distance_looks_ahead(cut):
    full = bars()
    part = bars(HIGH[:cut], LOW[:cut], CLOSE[:cut])
    for spec in (Percent(value=0.05), Atr(window=2)):
        np.testing.assert_array_equal(spec.distances(full)[:cut], spec.distances(part))


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="high, low and close have 2, 1 and 1 rows"):
        average_true_range(np.ones(2), np.ones(1), np.ones(1), 1)


def test_a_percent_is_of_the_close_and_an_atr_a_multiple():
    assert Percent(value=0.1).distances(bars()).tolist() == pytest.approx([0.9, 1.1, 1.05, 1.4, 1.3])
    twice = Atr(window=3, multiple=2.0).distances(bars())
    assert twice[3] == pytest.approx(2 * sum(RANGES[:3]) / 3)
    assert TrailAtr(window=3, multiple=2.0).distances(bars())[3] == twice[3]


def test_which_stops_trail():
    assert [kind.trails for kind in (Percent, Atr, TrailPercent, TrailAtr)] == [False, False, True, True]


def test_distances_of_a_symbol_without_the_bars_that_are_not_fed():
    result = Distances.of(bars(), Atr(window=3), None).since(2)
    assert np.isnan(result.target).all()
    assert np.isnan(result.stop[0])
    assert result.stop[1] == pytest.approx(2 * sum(RANGES[:3]) / 3)


def test_at_one_close_a_percent_is_enough_and_an_atr_is_refused():
    result = Distances.at_close(200.0, Percent(value=0.05), Percent(value=0.1))
    assert (result.stop[0], result.target[0]) == (10.0, 20.0)
    with pytest.raises(ConfigError, match="trail_atr needs the bars before: hand the strategy `distances`"):
        Distances.at_close(200.0, TrailAtr(), None)


@pytest.mark.parametrize(("side", "stop", "target"), [(1, 95.0, 110.0), (-1, 105.0, 90.0)])
def test_stops_lie_on_the_losing_side_and_targets_on_the_winning(side, stop, target):
    assert (stop_price(side, 100.0, 5.0), target_price(side, 100.0, 10.0)) == (stop, target)
